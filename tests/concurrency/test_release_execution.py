"""A session ends while its agents still lock, wait and write."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest
from tests.concurrency.crew import SIZE, Call, Crew
from tests.concurrency.stage import Row, Stage

RESOURCE = {"resource_type": "subsystem", "resource_name": "skeleton"}
SESSION = {"execution_id": "cc:7:"}


def ask(run: str, resource: str = "skeleton", wait_seconds: int = 60) -> Row:
    """An acquire call with an id of its own, by an execution that is named like its agent."""
    return {
        "resource_type": "subsystem",
        "resource_name": resource,
        "agent_name": run,
        "execution_id": run,
        "wait_seconds": wait_seconds,
        "request_id": str(uuid.uuid4()),
    }


def line_up(stage: Stage, *runs: str) -> list[Row]:
    """The first one holds the lease, the others wait for it; their calls."""
    calls = [ask(run) for run in runs]
    granted = [len(stage.first.call_and_commit("acquire_lock", **call)) for call in calls]
    assert granted == [1] + [0] * (len(calls) - 1)
    return calls


def holders(stage: Stage) -> list[str]:
    status = stage.first.call_and_commit("get_lock_status", **RESOURCE)[0]
    return [row["locked_by"] for row in [status["holder"]] if row]


def test_it_waits_for_a_hand_over_to_the_execution_and_ends_what_that_gave(stage: Stage) -> None:
    line_up(stage, "holder", "cc:7:a", "next")
    stage.first.call("release_lock", **RESOURCE, execution_id="holder")
    waiting = stage.second_waits("release_execution", **SESSION)
    stage.first.commit()
    (ended,) = waiting.rows()
    assert [lease["locked_by"] for lease in ended["leases"]] == ["cc:7:a"]
    assert ended["waits"] == []
    assert holders(stage) == ["next"]


def test_the_next_in_line_has_the_lease_as_soon_as_the_end_is_committed(stage: Stage) -> None:
    line_up(stage, "cc:7:a", "cc:7:b", "next")
    stage.first.call("release_execution", **SESSION)
    assert stage.second.call_and_commit("get_lock_status", **RESOURCE)[0]["holder"] is not None
    stage.first.commit()
    assert holders(stage) == ["next"]


@pytest.mark.parametrize("place", [0, 1], ids=["granted", "waiting"])
def test_an_acquire_call_that_is_repeated_meanwhile_gets_nothing(stage: Stage, place: int) -> None:
    call = line_up(stage, "cc:7:a", "cc:7:b")[place]
    stage.first.call("release_execution", **SESSION)
    if place == 1:
        waiting = stage.second_waits("acquire_lock", **call)
        stage.first.commit()
        assert waiting.rows() == []
    stage.first.commit()
    assert stage.second.call_and_commit("acquire_lock", **call) == []
    assert holders(stage) == []


def test_it_takes_tickets_in_the_order_of_who_refuses_a_deadlock(stage: Stage) -> None:
    """Such a waiter locks the newest ticket of the cycle, and then its own."""
    _, older, newer = line_up(stage, "holder", "cc:7:a", "cc:7:b")
    ticket = "select from core.lock_tickets where request_id = %s for update"
    stage.first.connection.execute(ticket.encode(), [newer["request_id"]])
    waiting = stage.second_waits("release_execution", **SESSION)
    stage.first.connection.execute(f"{ticket} nowait".encode(), [older["request_id"]])
    stage.first.rollback()
    (ended,) = waiting.rows()
    assert len(ended["waits"]) == 2


def test_it_waits_for_an_acquire_call_that_is_just_looking_for_its_place(
    stage: Stage, workspace: str
) -> None:
    """Else that call would find neither place nor answer, and get in line once more."""
    call = line_up(stage, "holder", "cc:7:a")[1]
    # What it does first.
    ours = [workspace, call["request_id"]]
    stage.first.connection.execute("select core.lock_request(%s, %s)", ours)
    waiting = stage.second_waits("release_execution", **SESSION)
    stage.first.commit()
    assert [place["agent_name"] for place in waiting.rows()[0]["waits"]] == ["cc:7:a"]
    assert stage.first.call_and_commit("acquire_lock", **call) == []


@pytest.mark.parametrize("ends_first", [True, False], ids=["release first", "write first"])
def test_a_write_and_the_end_of_its_execution_come_one_after_the_other(
    stage: Stage, ends_first: bool
) -> None:
    line_up(stage, "cc:7:a")
    status = {"subsystem": "skeleton", "status": {"state": "late"}}
    write: Row = {**status, "execution_id": "cc:7:a", "fencing_token": 1}
    if ends_first:
        stage.first.call("release_execution", **SESSION)
        waiting = stage.second_waits("update_subsystem_status", **write)
        stage.first.commit()
        assert waiting.slug() == "lease_lost"
    else:
        stage.first.call("update_subsystem_status", **write)
        waiting = stage.second_waits("release_execution", **SESSION)
        stage.first.commit()
        assert [lease["fencing_token"] for lease in waiting.rows()[0]["leases"]] == [1]


def end_of_a_round(number: int) -> list[tuple[list[Call], list[Call]]]:
    """By resource: who locks it and gets in line, and what they all do while the session ends."""
    resources = []
    for name in (f"{number}-{letter}" for letter in "abcd"):
        first, second, outsider, third = (
            ask(run, name)
            for run in (f"cc:7:{name}-1", f"cc:7:{name}-2", f"out-{name}", f"cc:7:{name}-3")
        )
        resource = {key: first[key] for key in ("resource_type", "resource_name")}
        known = [{"request_id": each["request_id"]} for each in (second, outsider)]
        lining_up = [("acquire_lock", each) for each in (first, second, outsider, third)]
        meanwhile: list[Call] = [
            ("release_lock", {**resource, "execution_id": first["execution_id"]}),
            ("wait_for_lock", known[0]),
            ("wait_for_lock", known[1]),
            ("acquire_lock", third),
        ]
        resources.append((lining_up, meanwhile))
    # A subagent ends at the moment at which its whole session does.
    resources[0][1][0] = ("release_execution", SESSION)
    resources[1][1][1] = ("release_execution", SESSION)
    resources[2][1][0] = ("release_execution", {"execution_id": f"cc:7:{number}-c-1"})
    return resources


def test_no_lease_and_no_wait_of_a_session_outlives_its_end(
    crew: Crew, workspace: str, database: psycopg.Connection[tuple[Any, ...]], effort: int
) -> None:
    held = "select resource_name, locked_by from agent_locks where workspace = %s order by 1"
    waits = (
        "select count(*) from core.lock_tickets where workspace = %s and agent_name like 'cc:%%'"
    )
    for number in range(25 * effort):
        resources = end_of_a_round(number)
        for place in range(4):
            answers = crew.race(workspace, [lining_up[place] for lining_up, _ in resources])
            assert [(status, len(rows)) for status, rows in answers] == [(200, place == 0)] * 4
        racing = [call for _, meanwhile in resources for call in meanwhile]
        assert len(racing) == SIZE
        assert {status for status, _ in crew.race(workspace, racing)} == {200}
        # A hand-over that met another one is taken by the waiter itself, when it asks next.
        for lining_up, _ in resources:
            crew.workers[0].call(
                workspace, "wait_for_lock", request_id=lining_up[2][1]["request_id"]
            )
        outsiders = [(f"{number}-{letter}", f"out-{number}-{letter}") for letter in "abcd"]
        assert database.execute(held, [workspace]).fetchall() == outsiders
        assert database.execute(waits.encode(), [workspace]).fetchone() == (0,)
        database.execute("delete from agent_locks where workspace = %s", [workspace])
