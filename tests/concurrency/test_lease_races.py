"""Sixteen processes want one lease."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from tests.concurrency.crew import SIZE, Answer, Crew
from tests.concurrency.stage import Session, Stage

from sharedstate_ops.stack import StackInfo

Row = dict[str, Any]
Database = psycopg.Connection[tuple[Any, ...]]
SKELETON = {"resource_type": "subsystem", "resource_name": "skeleton"}


def acquire(number: int, resource: str = "skeleton", **arguments: Any) -> tuple[str, Row]:
    return (
        "acquire_lock",
        {
            "resource_type": "subsystem",
            "resource_name": resource,
            "agent_name": f"worker-{number}",
            "execution_id": f"worker-{number}",
            **arguments,
        },
    )


def the_winner(answers: list[Answer]) -> Row:
    """The one lease that was granted."""
    assert {status for status, _ in answers} == {200}, answers
    granted = [rows[0] for _, rows in answers if rows]
    assert len(granted) == 1, granted
    lease: Row = granted[0]
    return lease


def test_sixteen_processes_racing_for_one_lease_have_one_winner_each_round(
    crew: Crew, workspace: str, effort: int
) -> None:
    tokens = []
    for _ in range(100 * effort):
        lease = the_winner(crew.race(workspace, [acquire(n) for n in range(SIZE)]))
        tokens.append(lease["fencing_token"])
        winner = next(one for one in crew.workers if one.name == lease["locked_by"])
        status, released = winner.call(
            workspace, "release_lock", **SKELETON, execution_id=winner.name
        )
        assert (status, released) == (200, [lease])
    assert tokens == sorted(set(tokens))


def test_a_resource_that_was_never_locked_has_one_winner(
    crew: Crew, workspace: str, effort: int
) -> None:
    for number in range(25 * effort):
        calls = [acquire(n, resource=f"new-{number}") for n in range(SIZE)]
        assert the_winner(crew.race(workspace, calls))["fencing_token"] == 1


def test_a_lapsed_lease_is_taken_over_by_one(
    crew: Crew, workspace: str, database: Database, effort: int
) -> None:
    tokens = [the_winner(crew.race(workspace, [acquire(0)]))["fencing_token"]]
    for _ in range(25 * effort):
        database.execute(
            "update agent_locks set expires_at = clock_timestamp() where workspace = %s",
            [workspace],
        )
        answers = crew.race(workspace, [acquire(n) for n in range(SIZE)])
        tokens.append(the_winner(answers)["fencing_token"])
    assert tokens == list(range(1, len(tokens) + 1))
    lost = database.execute(
        "select count(*) from agent_activity_logs where workspace = %s and activity = 'lock_lost'",
        [workspace],
    ).fetchone()
    assert lost == (len(tokens) - 1,)


def test_two_holders_are_never_inside_at_the_same_time(
    crew: Crew, workspace: str, database: Database, effort: int
) -> None:
    times = 3 * effort
    assert crew.all("enter", workspace=workspace, times=times) == [times] * SIZE
    rows = database.execute(
        "select activity, agent_name, (details ->> 'token')::int from agent_activity_logs "
        "where workspace = %s and activity in ('entered', 'left') order by id",
        [workspace],
    ).fetchall()
    assert len(rows) == 2 * times * SIZE
    for (entered, *who), (left, *same) in zip(rows[::2], rows[1::2], strict=True):
        assert (entered, left, who) == ("entered", "left", same)
    tokens = [token for _, _, token in rows[::2]]
    assert tokens == list(range(1, times * SIZE + 1))


FUNCTIONS = {
    "acquire_lock": acquire(0),
    "checkout_subsystem": (
        "checkout_subsystem",
        {"subsystem": "skeleton", "agent_name": "a", "execution_id": "b"},
    ),
    "update_subsystem_status": (
        "update_subsystem_status",
        {"subsystem": "skeleton", "status": {"state": "complete"}, "execution_id": "b"},
    ),
    "update_subsystem_design": (
        "update_subsystem_design",
        {"subsystem": "skeleton", "design_data": {"a": 1}, "created_by": "a"},
    ),
    "update_global_constraints": (
        "update_global_constraints",
        {"constraints": {"height_m": 1}, "created_by": "a"},
    ),
    "log_conflict": (
        "log_conflict",
        {"severity": "low", "source": "a", "target": "b", "description": "?"},
    ),
    "log_agent_activity": ("log_agent_activity", {"agent_name": "a", "activity": "once"}),
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_request_id_sent_by_eight_processes_at_once_has_one_effect(
    crew: Crew, workspace: str, database: Database, function: str, effort: int
) -> None:
    def footprint() -> int:
        """Grows with every entry of the log and every token."""
        row = database.execute(
            "select (select count(*) from agent_activity_logs where workspace = %(w)s) + "
            "coalesce((select sum(last_token) from core.fencing_counters "
            "where workspace = %(w)s), 0)",
            {"w": workspace},
        ).fetchone()
        assert row is not None
        return int(row[0])

    name, arguments = FUNCTIONS[function]
    for _ in range(10 * effort):
        before = footprint()
        call = (name, {**arguments, "request_id": str(uuid.uuid4())})
        answers = crew.race(workspace, [call] * 8)
        assert answers == [answers[0]] * 8
        assert answers[0][0] == 200
        assert footprint() == before + 1
        database.execute("delete from agent_locks where workspace = %s", [workspace])


# Lost updates


def counter(database: Database, workspace: str) -> int:
    row = database.execute(
        "select coalesce((metadata ->> 'count')::int, 0) from subsystems "
        "where workspace = %s and name = 'skeleton'",
        [workspace],
    ).fetchone()
    assert row is not None
    return int(row[0])


def wait_for_the_end(database: Database, workspace: str) -> None:
    """Until the lease of the skeleton has lapsed by the database's clock."""
    database.execute(
        "select pg_sleep(extract(epoch from max(expires_at) - clock_timestamp()) + 0.01) "
        "from agent_locks where workspace = %s",
        [workspace],
    )


def test_a_client_that_was_stopped_beyond_its_lease_cannot_write(
    crew: Crew, workspace: str, database: Database
) -> None:
    slow, *others = crew.workers[:5]
    slow.do("begin", workspace=workspace, ttl_seconds=1)
    os.kill(slow.pid, signal.SIGSTOP)
    try:
        # Its write is the first thing that it does when it goes on.
        slow.give("finish")
        wait_for_the_end(database, workspace)
        for worker in others:
            worker.give("count", workspace=workspace, times=3)
        done = [worker.answer()["done"] for worker in others]
    finally:
        os.kill(slow.pid, signal.SIGCONT)
    assert slow.answer() == "lease_lost"
    assert done == [3] * 4
    assert counter(database, workspace) == 12


def test_a_client_that_was_stopped_within_its_lease_can_write(
    crew: Crew, workspace: str, database: Database
) -> None:
    slow = crew.workers[0]
    slow.do("begin", workspace=workspace, ttl_seconds=60)
    os.kill(slow.pid, signal.SIGSTOP)
    slow.give("finish")
    os.kill(slow.pid, signal.SIGCONT)
    assert slow.answer() == "written"
    assert counter(database, workspace) == 1


def test_no_acknowledged_increment_is_lost_while_holders_are_stopped_beyond_their_leases(
    crew: Crew, workspace: str, database: Database, effort: int
) -> None:
    counting = crew.workers[:8]
    pids = {worker.name: worker.pid for worker in counting}
    times = 12 * effort
    for worker in counting:
        worker.give("count", workspace=workspace, times=times)
    for _ in range(3 * effort):
        stop_a_holder_beyond_its_lease(database, workspace, pids, enough=7 * times)
    answers = [worker.answer() for worker in counting]
    acknowledged = sum(answer["done"] for answer in answers)
    assert acknowledged == 8 * times
    assert counter(database, workspace) == acknowledged


def stop_a_holder_beyond_its_lease(
    database: Database, workspace: str, pids: dict[str, int], enough: int
) -> None:
    """Stop whoever holds the lease now, until two others have taken it over.

    With a count of `enough` all others may be done already: nobody would come to take it.
    """
    holder = None
    while holder is None:
        if counter(database, workspace) >= enough:
            return
        holder = database.execute(
            "select locked_by, fencing_token, expires_at from agent_locks where workspace = %s",
            [workspace],
        ).fetchone()
    name, token, expires_at = holder
    os.kill(pids[name], signal.SIGSTOP)
    try:
        database.execute(
            "select pg_sleep(extract(epoch from %s::timestamptz - clock_timestamp()) + 0.01)",
            [expires_at],
        )
        newer = None
        while newer is None:
            if counter(database, workspace) >= enough:
                return
            newer = database.execute(
                "select true from core.fencing_counters "
                "where workspace = %s and last_token > %s + 1",
                [workspace, token],
            ).fetchone()
    finally:
        os.kill(pids[name], signal.SIGCONT)


# Writes against grants


def write(number: int, **arguments: Any) -> tuple[str, Row]:
    return (
        "update_subsystem_status",
        {
            "subsystem": "skeleton",
            "status": {"n": number},
            "execution_id": f"writer-{number}",
            **arguments,
        },
    )


def slug(answer: Answer) -> str | None:
    return None if answer[0] == 200 else answer[1]["message"]


def test_a_write_without_a_token_is_before_the_grant_or_refused(
    crew: Crew, workspace: str, database: Database, effort: int
) -> None:
    outcomes = set()
    for _ in range(40 * effort):
        calls = [write(n) if n % 2 else acquire(n) for n in range(SIZE)]
        answers = crew.race(workspace, calls)
        lease = the_winner(answers[0::2])
        for answer in answers[1::2]:
            outcomes.add(slug(answer))
            if answer[0] == 200:
                assert answer[1]["updated_at"] < lease["locked_at"]
            else:
                assert json.loads(answer[1]["details"])["execution_id"] == lease["execution_id"]
        database.execute("delete from agent_locks where workspace = %s", [workspace])
    assert outcomes == {None, "resource_locked"}


def test_writes_that_overlap_without_end_keep_no_grant_waiting(
    stack: StackInfo, workspace: str, stage: Stage
) -> None:
    """Shared row locks let every newcomer pass whoever waits for the row alone."""

    def write_until_refused(number: int) -> str:
        session = Session(stack, workspace)
        try:
            while True:
                status = {"subsystem": "skeleton", "status": {"n": number}, "execution_id": "run-1"}
                session.call_and_commit("update_subsystem_status", **status)
        except psycopg.Error as error:
            return str(error.diag.message_primary)
        finally:
            session.connection.close()

    stage.first.connection.execute("set statement_timeout = '10s'")
    stage.first.commit()
    function, arguments = acquire(0)
    with ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(write_until_refused, number) for number in range(6)]
        try:
            until = time.monotonic() + 30
            while not stage.first.call_and_commit(function, **arguments):
                assert time.monotonic() < until
        finally:
            # Whatever became of it: a lease ends the writers.
            stage.first.rollback()
            stage.second.connection.execute(
                "insert into agent_locks (workspace, resource_type, resource_name, locked_by,"
                " execution_id, expires_at, ttl_seconds, fencing_token)"
                " values (%s, 'subsystem', 'skeleton', 'x', 'x', now() + interval '1 h', 300, 1)"
                " on conflict do nothing",
                [workspace],
            )
            stage.second.commit()
        assert {writer.result() for writer in writers} == {"resource_locked"}


@pytest.mark.parametrize("milliseconds", [0, 3, 300_000], ids=["lapsed", "lapsing", "alive"])
def test_release_takeover_force_renewal_and_write_at_once_keep_every_promise(
    crew: Crew, workspace: str, database: Database, milliseconds: int, effort: int
) -> None:
    for _ in range(25 * effort):
        old = the_winner(crew.race(workspace, [acquire(0)]))
        database.execute(
            "update agent_locks set expires_at = clock_timestamp() + %s * interval '1 ms' "
            "where workspace = %s",
            [milliseconds, workspace],
        )
        mine = {"execution_id": "worker-0", "fencing_token": old["fencing_token"]}
        holders = [
            write(0, **mine),
            ("renew_lock", {**SKELETON, **mine, "ttl_seconds": 300}),
            ("release_lock", {**SKELETON, **mine}),
            write(1, **mine),
        ]
        answers = crew.race(workspace, holders + [acquire(n) for n in range(4, SIZE)])
        assert {slug(answer) for answer in answers} <= {None, "lease_lost"}
        taken = [rows[0] for _, rows in answers[4:] if rows]
        # Whoever takes it keeps it, so no second one can.
        assert len(taken) <= 1
        for status, row in (answers[0], answers[3]):
            assert milliseconds > 0 or status == 409
            if status == 200 and taken:
                assert row["updated_at"] < taken[0]["locked_at"]
        assert all(lease["fencing_token"] == old["fencing_token"] + 1 for lease in taken)
        database.execute("delete from agent_locks where workspace = %s", [workspace])
