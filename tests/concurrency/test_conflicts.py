"""Sixteen processes and one conflict: counted once each, open once, and waited for."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import psycopg
from tests.concurrency.crew import SIZE, Crew

Row = dict[str, Any]
Database = psycopg.Connection[tuple[Any, ...]]

REPORT: Row = {
    "severity": "high",
    "source": "actuation_agent",
    "target": "system_architect",
    "description": "?",
    "conflict_key": "power",
}


def open_ones(database: Database, workspace: str) -> list[tuple[Any, ...]]:
    """Number, reports, and how many events; of what is open."""
    return database.execute(
        "select c.conflict_id, c.reports, (select count(*) from conflict_events as e "
        "where e.workspace = c.workspace and e.conflict_id = c.conflict_id) "
        "from conflicts as c where c.workspace = %s and c.status = 'open' order by 1",
        [workspace],
    ).fetchall()


def test_reports_of_sixteen_processes_are_all_counted_on_one_conflict(
    crew: Crew, workspace: str, database: Database, effort: int
) -> None:
    times = 10 * effort
    answers = crew.all("calls", workspace=workspace, calls=[("log_conflict", REPORT)] * times)
    rows = [row for worker in answers for status, row in worker if status == 200]
    assert {row["conflict_id"] for row in rows} == {1}
    # Each was told another count: none was lost, none was counted twice.
    assert sorted(row["reports"] for row in rows) == list(range(1, SIZE * times + 1))
    assert open_ones(database, workspace) == [(1, SIZE * times, SIZE * times)]


def test_reports_and_reopenings_that_race_leave_one_conflict_open(
    crew: Crew, workspace: str, database: Database, effort: int
) -> None:
    report = ("log_conflict", REPORT)
    reopen: Row = {"agent_name": "actuation_agent", "reason": "?"}
    done: Counter[str] = Counter()
    for _ in range(20 * effort):
        crew.race(workspace, [report])
        ((number, _, _),) = open_ones(database, workspace)
        solved: Row = {"conflict_id": number, "resolution": "!", "resolved_by": "system_architect"}
        crew.race(workspace, [("resolve_conflict", solved)])
        again = ("reopen_conflict", {**reopen, "conflict_id": number})
        answers = crew.race(workspace, [report, again] * (SIZE // 2))
        assert len(open_ones(database, workspace)) == 1
        reports, reopened = answers[::2], answers[1::2]
        assert {status for status, _ in reports} == {200}
        assert Counter(status for status, _ in reopened)[200] <= 1
        done.update(row["message"] for status, row in reopened if status != 200)
    assert set(done) <= {"conflict_not_resolved", "conflict_duplicate"}


def test_reassignments_that_race_never_leave_two_open_conflicts_with_the_same_key(
    crew: Crew, workspace: str, database: Database, effort: int
) -> None:
    for round_number in range(10 * effort):
        report = {**REPORT, "conflict_key": f"round-{round_number}"}
        targets = [f"agent-{number}" for number in range(SIZE)]
        opened = crew.race(
            workspace, [("log_conflict", {**report, "target": target}) for target in targets]
        )
        calls = [
            (
                "reassign_conflict",
                {
                    "conflict_id": row["conflict_id"],
                    "target_agent": "system_architect",
                    "agent_name": "x",
                    "reason": "?",
                },
            )
            for _, row in opened
        ]
        answers = crew.race(workspace, calls)
        assert Counter(status for status, _ in answers) == {200: 1, 409: SIZE - 1}
        assert {row["message"] for status, row in answers if status == 409} == {
            "conflict_duplicate"
        }


def test_all_blocked_agents_hear_of_the_resolution_and_others_work_meanwhile(
    crew: Crew, workspace: str, effort: int
) -> None:
    waiting, other = crew.workers[1:], crew.workers[0]
    for _ in range(3 * effort):
        agents = [f"agent-{number}" for number in range(len(waiting))]
        _, conflict = other.call(workspace, "log_conflict", **REPORT, blocks=agents)
        for worker, agent in zip(waiting, agents, strict=True):
            worker.give("wait_until_unblocked", workspace=workspace, agent_name=agent)
        # More calls than there are connections in the pool: waiting does not eat it.
        note: Row = {"conflict_id": conflict["conflict_id"], "agent_name": "x", "note": "?"}
        calls = [("add_conflict_note", note)] * 50
        answers = other.do("calls", workspace=workspace, calls=calls)
        assert {status for status, _ in answers} == {200}
        resolved_at = time.time()
        solved: Row = {"resolution": "!", "resolved_by": "system_architect"}
        other.call(workspace, "resolve_conflict", conflict_id=conflict["conflict_id"], **solved)
        ends = [worker.answer() for worker in waiting]
        assert all(end["free"] and end["ended"] >= resolved_at for end in ends)


def test_a_checkout_that_races_with_a_critical_conflict_is_all_or_nothing(
    crew: Crew, workspace: str, database: Database, effort: int
) -> None:
    agent: Row = {"agent_name": "skeleton_agent", "execution_id": "run-1"}
    critical = {**REPORT, "severity": "critical", "blocks": ["skeleton"]}
    for number in range(20 * effort):
        checkout = {
            "subsystem": "skeleton",
            **agent,
            "request_id": f"00000000-0000-4000-8000-{number:012x}",
        }
        calls = [("checkout_subsystem", checkout)] * 4 + [("log_conflict", critical)]
        *answers, (_, conflict) = crew.race(workspace, calls)
        leased = {answer[0]["lease"] is not None for status, answer in answers}
        held = database.execute(
            "select count(*) from agent_locks where workspace = %s", [workspace]
        ).fetchone()
        # A repetition is never told that it is blocked while its lease is held.
        assert held == ((1,) if leased == {True} else (0,)), (leased, held)
        name = {"resource_type": "subsystem", "resource_name": "skeleton"}
        crew.workers[0].call(workspace, "release_lock", **name, execution_id="run-1")
        solved: Row = {"resolution": "!", "resolved_by": "system_architect"}
        crew.workers[0].call(
            workspace, "resolve_conflict", conflict_id=conflict["conflict_id"], **solved
        )
