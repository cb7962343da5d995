"""Conflicts: numbers without gaps, who is concerned, and one resolution."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sql.support import Api, Row


def log(api: Api, **arguments: Any) -> Row:
    row: Row = api.do(
        "log_conflict",
        **{
            "severity": "high",
            "source": "actuation_agent",
            "target": "system_architect",
            "description": "Motor selection exceeds power budget by 200W",
            **arguments,
        },
    )
    return row


def resolve(api: Api, conflict_id: int, **arguments: Any) -> Row:
    row: Row = api.do(
        "resolve_conflict",
        conflict_id=conflict_id,
        resolution="moved reserve",
        resolved_by="system_architect",
        **arguments,
    )
    return row


def active(api: Api, agent_name: str | None = None) -> list[int]:
    arguments = {} if agent_name is None else {"agent_name": agent_name}
    return [row["conflict_id"] for row in api.do("get_active_conflicts", **arguments)]


def test_a_conflict_keeps_what_was_said_and_is_open(api: Api) -> None:
    row = log(
        api, details={"overage_w": 200}, priority=2, blocks=["power_agent"], execution_id="run-1"
    )
    assert row["workspace"] == api.workspace
    assert (row["conflict_id"], row["severity"], row["priority"]) == (1, "high", 2)
    assert (row["source_agent"], row["target_agent"]) == ("actuation_agent", "system_architect")
    assert (row["details"], row["blocks_agents"]) == ({"overage_w": 200}, ["power_agent"])
    assert (row["status"], row["resolution"], row["resolved_at"]) == ("open", None, None)
    assert row["execution_id"] == "run-1"
    assert api.rows("conflicts") == [row]


def test_a_number_stays_used_after_its_row_was_deleted_by_hand(api: Api) -> None:
    log(api)
    api.sql("delete from conflicts where workspace = %s", api.workspace)
    assert log(api)["conflict_id"] == 2


def test_a_conflict_is_resolved_once(api: Api) -> None:
    log(api)
    resolve(api, 1)
    before = api.snapshot()
    detail = api.refused(
        "resolve_conflict",
        "conflict_already_resolved",
        conflict_id=1,
        resolution="something else",
        resolved_by="power_agent",
    )
    assert detail["resolved_by"] == "system_architect"
    assert detail["resolution"] == "moved reserve"
    assert api.snapshot() == before


@pytest.mark.parametrize("conflict_id", [-1, 0, 2, 2**62])
def test_a_conflict_that_nobody_logged_is_unknown(api: Api, conflict_id: int) -> None:
    log(api)
    detail = api.refused(
        "resolve_conflict",
        "unknown_conflict",
        conflict_id=conflict_id,
        resolution="x",
        resolved_by="system_architect",
    )
    assert detail == {"conflict_id": conflict_id}


def test_active_conflicts_come_by_priority_severity_and_number(api: Api) -> None:
    wanted = [(1, "low"), (2, "critical"), (2, "high"), (2, "medium"), (2, "medium"), (4, "low")]
    for priority, severity in reversed(wanted):
        log(api, priority=priority, severity=severity)
    found = api.do("get_active_conflicts")
    assert [(row["priority"], row["severity"]) for row in found] == wanted
    assert [row["conflict_id"] for row in found] == [6, 5, 4, 2, 3, 1]


def test_an_agent_is_concerned_under_any_name_of_its_subsystem(api: Api) -> None:
    names = ("power", "power_agent", "power_designer")
    numbers = [
        log(api, **{role: [named] if role == "blocks" else named})["conflict_id"]
        for role in ("source", "target", "blocks")
        for named in names
    ]
    log(api, source="shell_agent", target="skeleton_agent", blocks=["powertrain"])
    for asking in names:
        assert sorted(active(api, asking)) == numbers, asking
    assert sorted(active(api)) == [*numbers, 10]


def test_a_conflict_does_not_concern_agents_that_it_does_not_name(api: Api) -> None:
    log(api, blocks=["power_agent"])
    assert active(api, "shell_agent") == []
    assert active(api, "agent") == []


def test_a_description_may_be_long_and_in_any_script(api: Api) -> None:
    text = ("ток превышает предел 🔥\n" * 500)[:10000]
    assert log(api, description=text)["description"] == text
