"""What happens to a conflict after its report: notes, another target, opened again; its history."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sql.support import Api, Row
from tests.sql.test_conflicts import active, log, resolve

KEY = "power over budget"


def note(api: Api, conflict_id: int, text: str, agent_name: str = "power_agent") -> Row:
    row: Row = api.do(
        "add_conflict_note", conflict_id=conflict_id, agent_name=agent_name, note=text
    )
    return row


def reassign(api: Api, conflict_id: int, target_agent: str, **more: Any) -> Row:
    row: Row = api.do("reassign_conflict", **reassigning(conflict_id, target_agent), **more)
    return row


def reassigning(conflict_id: int, target_agent: str) -> Row:
    return {
        "conflict_id": conflict_id,
        "target_agent": target_agent,
        "agent_name": "system_architect",
        "reason": "it is about the battery",
    }


def reopen(api: Api, conflict_id: int, **more: Any) -> Row:
    row: Row = api.do("reopen_conflict", **reopening(conflict_id), **more)
    return row


def reopening(conflict_id: int) -> Row:
    return {
        "conflict_id": conflict_id,
        "agent_name": "actuation_agent",
        "reason": "still 50 W too much",
    }


def history(api: Api, conflict_id: int = 1) -> list[Row]:
    found: list[Row] = api.do("get_conflict_history", conflict_id=conflict_id)
    return found


REPORT = {
    "severity": "high",
    "priority": 3,
    "target_agent": "system_architect",
    "description": "Motor selection exceeds power budget by 200W",
    "details": {},
    "blocks_agents": [],
}


def test_the_history_tells_all_that_happened_in_order(api: Api) -> None:
    log(api, conflict_key=KEY, execution_id="run-1")
    log(api, conflict_key=KEY, details={"overage_w": 250})
    note(api, 1, "the battery could give 100 W more")
    reassign(api, 1, "power_agent")
    resolved = resolve(api, 1)
    reopen(api, 1)
    resolve(api, 1, execution_id="run-2")
    events = history(api)
    assert [(event["event"], event["agent_name"]) for event in events] == [
        ("opened", "actuation_agent"),
        ("reported", "actuation_agent"),
        ("note", "power_agent"),
        ("reassigned", "system_architect"),
        ("resolved", "system_architect"),
        ("reopened", "actuation_agent"),
        ("resolved", "system_architect"),
    ]
    assert [event["event_id"] for event in events] == [1, 2, 3, 4, 5, 6, 7]
    assert [event["created_at"] for event in events] == sorted(
        event["created_at"] for event in events
    )
    assert (events[0]["execution_id"], events[6]["execution_id"]) == ("run-1", "run-2")
    details = [event["details"] for event in events]
    assert details == [
        REPORT,
        {**REPORT, "details": {"overage_w": 250}},
        {"note": "the battery could give 100 W more"},
        {"from": "system_architect", "to": "power_agent", "reason": "it is about the battery"},
        {"resolution": "moved reserve"},
        {
            "reason": "still 50 W too much",
            "resolution": "moved reserve",
            "resolved_by": "system_architect",
            "resolved_at": resolved["resolved_at"],
        },
        {"resolution": "moved reserve"},
    ]
    assert api.rows("conflict_events", order="event_id") == events


@pytest.mark.parametrize("conflict_id", [-1, 0, 2, 2**62])
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("get_conflict_history", {}),
        ("add_conflict_note", {"agent_name": "a", "note": "b"}),
        ("reassign_conflict", {"target_agent": "a", "agent_name": "b", "reason": "c"}),
        ("reopen_conflict", {"agent_name": "a", "reason": "b"}),
    ],
)
def test_a_conflict_that_nobody_logged_is_unknown(
    api: Api, function: str, arguments: Row, conflict_id: int
) -> None:
    log(api)
    before = api.snapshot()
    detail = api.refused(function, "unknown_conflict", conflict_id=conflict_id, **arguments)
    assert detail == {"conflict_id": conflict_id}
    assert api.snapshot() == before


def test_events_of_each_conflict_are_numbered_from_one(api: Api) -> None:
    for _ in range(2):
        log(api)
    assert [note(api, number, "?")["event_id"] for number in (1, 2, 1)] == [2, 2, 3]


def test_a_resolved_conflict_cannot_be_reassigned(api: Api) -> None:
    log(api)
    resolve(api, 1)
    before = api.snapshot()
    arguments = reassigning(1, "power_agent")
    detail = api.refused("reassign_conflict", "conflict_already_resolved", **arguments)
    assert detail["resolved_by"] == "system_architect"
    assert api.snapshot() == before


def test_a_conflict_is_not_reassigned_to_an_agent_that_has_one_with_the_same_key(api: Api) -> None:
    log(api, conflict_key=KEY)
    log(api, conflict_key=KEY, target="power_agent")
    before = api.snapshot()
    detail = api.refused("reassign_conflict", "conflict_duplicate", **reassigning(1, "power_agent"))
    assert detail == {"conflict_id": 1, "duplicate_of": 2}
    assert api.snapshot() == before
    resolve(api, 2)
    assert reassign(api, 1, "power_agent")["target_agent"] == "power_agent"


def test_a_conflict_may_be_reassigned_and_given_back(api: Api) -> None:
    log(api, conflict_key=KEY)
    for target in ("power_agent", "power_agent", "system_architect"):
        assert reassign(api, 1, target)["target_agent"] == target


def test_an_open_conflict_cannot_be_reopened(api: Api) -> None:
    log(api)
    before = api.snapshot()
    detail = api.refused("reopen_conflict", "conflict_not_resolved", **reopening(1))
    assert detail == {"conflict_id": 1, "status": "open"}
    assert api.snapshot() == before


def test_a_conflict_is_not_reopened_beside_an_open_one_with_the_same_key(api: Api) -> None:
    log(api, conflict_key=KEY)
    resolve(api, 1)
    log(api, conflict_key=KEY)
    before = api.snapshot()
    detail = api.refused("reopen_conflict", "conflict_duplicate", **reopening(1))
    assert detail == {"conflict_id": 1, "duplicate_of": 2}
    assert api.snapshot() == before


def test_a_conflict_is_not_reopened_beside_one_that_was_reported_to_its_first_target(
    api: Api,
) -> None:
    log(api, conflict_key=KEY)
    reassign(api, 1, "power_agent")
    resolve(api, 1)
    log(api, conflict_key=KEY)
    detail = api.refused("reopen_conflict", "conflict_duplicate", **reopening(1))
    assert detail["duplicate_of"] == 2


@pytest.mark.parametrize("subsystem", ["skeleton", "integration"])
def test_a_conflict_about_an_overrun_that_has_ended_is_not_reopened(
    api: Api, subsystem: str
) -> None:
    """It would be open although nothing is exceeded, until somebody writes amounts."""
    run = {"subsystem": subsystem, "execution_id": "run-1"}
    for mass_kg in (16, 0):
        api.do("update_subsystem_status", status={"current_mass_kg": mass_kg}, **run)
    before = api.snapshot()
    detail = api.refused("reopen_conflict", "invalid_argument", **reopening(1))
    assert (detail["argument"], detail["value"]) == ("conflict_id", 1)
    assert api.snapshot() == before


def test_a_conflict_about_an_overrun_that_lasts_is_not_reopened_beside_the_next_one(
    api: Api,
) -> None:
    run = {"subsystem": "skeleton", "execution_id": "run-1"}
    api.do("update_subsystem_status", status={"current_mass_kg": 16}, **run)
    resolve(api, 1)
    detail = api.refused("reopen_conflict", "conflict_duplicate", **reopening(1))
    assert detail == {"conflict_id": 1, "duplicate_of": 2}


def test_an_import_brings_the_history_along_and_refuses_another_one(
    api: Api, new_workspace: Any
) -> None:
    log(api, conflict_key=KEY)
    log(api, conflict_key=KEY)
    reassign(api, 1, "power_agent")
    document = {"format": "sharedstate/1", "conflicts": api.do("export_state")["conflicts"]}
    target = new_workspace()

    def counts() -> tuple[int, ...]:
        (row,) = (
            row
            for row in target.operate("import_state", document=document)
            if row["section"] == "conflicts"
        )
        return row["imported"], row["unchanged"], row["refused"]

    assert counts() == (1, 0, 0)
    assert target.do("export_state")["conflicts"] == document["conflicts"]
    assert counts() == (0, 1, 0)
    note(target, 1, "meanwhile")
    assert counts() == (0, 0, 1)
    assert [event["event"] for event in history(target)][-1] == "note"


def test_a_conflict_that_is_imported_without_a_history_gets_one(api: Api) -> None:
    row = {
        "conflict_id": 5,
        "severity": "low",
        "source_agent": "a",
        "target_agent": "b",
        "description": "?",
        "created_at": "2025-11-30T10:00:00+00:00",
    }
    settled = {"status": "resolved", "resolution": "!", "resolved_at": "2025-11-30T11:00:00+00:00"}
    document = {"format": "sharedstate/1", "conflicts": [row, {**row, **settled, "conflict_id": 6}]}
    api.operate("import_state", document=document)
    assert [(event["event"], event["agent_name"]) for event in history(api, 5)] == [("opened", "a")]
    assert [
        (event["event"], event["agent_name"], event["created_at"]) for event in history(api, 6)
    ] == [("opened", "a", row["created_at"]), ("resolved", "b", settled["resolved_at"])]


@pytest.mark.parametrize(
    ("target_agent", "reported_to"),
    [
        ("power_agent", "system_architect"),
        ("power_agent", "shell_agent"),
        ("shell_agent", "system_architect"),
        ("system_architect", "shell_agent"),  # as the target now, which the other was reported to
        ("shell_agent", "power_agent"),  # and the other way round
    ],
)
def test_an_import_does_not_open_a_second_conflict_with_the_same_key(
    api: Api, target_agent: str, reported_to: str
) -> None:
    log(api, conflict_key=KEY)
    reassign(api, 1, "power_agent")
    (row,) = api.do("export_state")["conflicts"]
    other = {**row, "conflict_id": 7, "target_agent": target_agent, "reported_to": reported_to}
    document = {"format": "sharedstate/1", "conflicts": [other]}
    before = api.rows("conflicts")
    answer = api.operate("import_state", document=document)
    (counts,) = (row for row in answer if row["section"] == "conflicts")
    assert (counts["imported"], counts["refused"]) == (0, 1)
    assert api.rows("conflicts") == before
    assert log(api)["conflict_id"] == 8


def test_an_import_brings_a_resolved_conflict_of_the_kind_of_an_open_one(api: Api) -> None:
    log(api, conflict_key=KEY)
    (row,) = api.do("export_state")["conflicts"]
    done = {"status": "resolved", "resolution": "done", "resolved_at": row["created_at"]}
    entries = [{**row, "conflict_id": 7, **done, "events": []}]
    api.operate("import_state", document={"format": "sharedstate/1", "conflicts": entries})
    assert active(api) == [1]
    assert [row["conflict_id"] for row in api.rows("conflicts", order="conflict_id")] == [1, 7]
