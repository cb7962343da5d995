"""Reports of the same thing: counted on the conflict that is open, and only there."""

from __future__ import annotations

import uuid
from typing import Any

from tests.sql.support import Api
from tests.sql.test_conflicts import log, resolve

KEY = "power over budget"


def test_a_report_of_the_same_source_target_and_key_is_counted_on_the_open_conflict(
    api: Api,
) -> None:
    first = log(api, conflict_key=KEY)
    assert (first["conflict_key"], first["reports"]) == (KEY, 1)
    second = log(
        api,
        conflict_key=KEY,
        severity="critical",
        priority=1,
        description="Now 300 W",
        details={"overage_w": 300},
        blocks=["power_agent"],
        execution_id="run-2",
    )
    changed = {
        "severity": "critical",
        "priority": 1,
        "description": "Now 300 W",
        "details": {"overage_w": 300},
        "blocks_agents": ["power_agent"],
        "reports": 2,
        "last_reported_at": second["last_reported_at"],
    }
    assert second == {**first, **changed}
    assert second["last_reported_at"] > first["last_reported_at"]
    assert api.rows("conflicts") == [second]


def test_a_resolved_conflict_takes_no_reports(api: Api) -> None:
    log(api, conflict_key=KEY)
    resolved = resolve(api, 1)
    assert log(api, conflict_key=KEY)["conflict_id"] == 2
    assert api.rows("conflicts", conflict_id="eq.1") == [resolved]


def test_the_same_key_in_another_workspace_is_another_conflict(
    api: Api, new_workspace: Any
) -> None:
    log(api, conflict_key=KEY)
    elsewhere = log(new_workspace(), conflict_key=KEY)
    assert (elsewhere["conflict_id"], elsewhere["reports"]) == (1, 1)


def test_a_repeated_call_with_one_request_id_is_counted_once(api: Api) -> None:
    request_id = str(uuid.uuid4())
    log(api, conflict_key=KEY)
    answers = [log(api, conflict_key=KEY, request_id=request_id) for _ in range(2)]
    assert answers[0] == answers[1]
    assert [row["reports"] for row in api.rows("conflicts")] == [2]


def test_details_and_blocked_agents_that_a_report_does_not_name_stay(api: Api) -> None:
    """Nobody is free because somebody else was not named again."""
    said = {"details": {"overage_w": 200}, "blocks": ["power_agent"]}
    log(api, conflict_key=KEY, **said)
    row = log(api, conflict_key=KEY, severity="critical")
    assert (row["severity"], row["reports"]) == ("critical", 2)
    assert (row["details"], row["blocks_agents"]) == (said["details"], said["blocks"])
    row = log(api, conflict_key=KEY, details={}, blocks=[])
    assert (row["details"], row["blocks_agents"]) == ({}, [])


def test_a_first_report_without_details_blocks_nobody(api: Api) -> None:
    row = log(api, details=None, blocks=None)
    assert (row["details"], row["blocks_agents"]) == ({}, [])


def test_a_report_uses_up_no_number(api: Api) -> None:
    for _ in range(3):
        log(api, conflict_key=KEY)
    assert log(api)["conflict_id"] == 2


def test_reports_log_themselves(api: Api) -> None:
    log(api, conflict_key=KEY)
    log(api, conflict_key=KEY, severity="low", execution_id="run-2")
    _, reported = api.log("conflict_created", "conflict_reported")
    assert (reported["agent_name"], reported["execution_id"]) == ("actuation_agent", "run-2")
    assert reported["details"] == {
        "conflict_id": 1,
        "severity": "low",
        "target": "system_architect",
    }


def seen_by_the_database(api: Api, details: str) -> tuple[Any, ...]:
    """What a function of ours does that sees a conflict with each write."""
    ((number, reports),) = api.sql(
        "select c.conflict_id, c.reports from core.report_conflict("
        "%s, 'high', 2, 'power', 'system_architect', 'sharedstate:budget', 'too much', "
        "%s::jsonb, null, null, false) as c",
        api.workspace,
        details,
    )
    return number, reports


def test_an_overrun_seen_again_updates_its_conflict_only_if_its_amounts_changed(api: Api) -> None:
    assert seen_by_the_database(api, '{"over": 1}') == (1, 1)
    before = api.snapshot()
    assert seen_by_the_database(api, '{"over": 1.0}') == (1, 1)
    assert api.snapshot() == before
    assert seen_by_the_database(api, '{"over": 2}') == (1, 1)
    (row,) = api.rows("conflicts")
    assert row["details"] == {"over": 2}
    history = api.do("get_conflict_history", conflict_id=1)
    assert [event["event"] for event in history] == ["opened", "updated"]
