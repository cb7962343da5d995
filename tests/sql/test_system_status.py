"""The view system_status: one row a subsystem, with budget, lock holder and open conflicts."""

from __future__ import annotations

import pytest
from tests.sql.support import Api, Row


def board(api: Api, name: str = "skeleton") -> Row:
    (row,) = api.rows("system_status", name=f"eq.{name}")
    return row


def test_it_shows_every_subsystem_by_name_with_these_columns(api: Api) -> None:
    rows = api.rows("system_status")
    assert [row["name"] for row in rows] == sorted(row["name"] for row in api.rows("subsystems"))
    assert list(rows[0]) == [
        "workspace",
        "name",
        "state",
        "current_mass_kg",
        "budget_mass_kg",
        "current_cost_usd",
        "budget_cost_usd",
        "current_power_w",
        "budget_power_w",
        "within_budget",
        "iteration",
        "version",
        "locked_by",
        "lock_expires_at",
        "active_conflicts",
        "stale_inputs",
        "updated_at",
    ]


def test_the_status_is_that_of_the_subsystem(api: Api) -> None:
    status = {
        "state": "complete",
        "current_mass_kg": 12.5,
        "current_cost_usd": 2400,
        "current_power_w": 3,
        "within_budget": True,
        "iteration": 2,
    }
    row = api.do(
        "update_subsystem_status", subsystem="skeleton", status=status, execution_id="run-1"
    )
    shown = board(api)
    assert {key: shown[key] for key in status} == status
    assert (shown["version"], shown["updated_at"]) == (row["version"], row["updated_at"])


def test_the_budget_is_that_of_the_newest_constraints(api: Api) -> None:
    row = board(api, "actuation")
    assert (row["budget_mass_kg"], row["budget_cost_usd"], row["budget_power_w"]) == (12, 6000, 800)
    api.do(
        "update_global_constraints",
        constraints={"budget_allocations": {"actuation": {"mass_kg": 13.5}}},
        created_by="system_architect",
    )
    row = board(api, "actuation")
    assert (row["budget_mass_kg"], row["budget_cost_usd"]) == (13.5, None)
    assert board(api)["budget_mass_kg"] is None


def test_a_budget_that_an_agent_cleared_does_not_break_the_view(api: Api) -> None:
    api.do(
        "update_global_constraints",
        constraints={"budget_allocations": {}},
        created_by="system_architect",
    )
    assert {row["budget_mass_kg"] for row in api.rows("system_status")} == {None}


def test_it_shows_who_holds_the_lock_and_until_when(api: Api) -> None:
    lease = api.lock()
    assert (board(api)["locked_by"], board(api)["lock_expires_at"]) == (
        "skeleton_agent",
        lease["expires_at"],
    )
    assert board(api, "power")["locked_by"] is None


def test_a_lapsed_lease_is_not_shown(api: Api) -> None:
    api.lapse(api.lock())
    assert (board(api)["locked_by"], board(api)["lock_expires_at"]) == (None, None)


def test_a_lock_of_another_kind_is_not_shown(api: Api) -> None:
    api.do(
        "acquire_lock",
        resource_type="document",
        resource_name="skeleton",
        agent_name="a",
        execution_id="run-1",
    )
    assert board(api)["locked_by"] is None


@pytest.mark.parametrize("role", ["source", "target", "blocks"])
@pytest.mark.parametrize("name", ["power", "power_agent", "power_designer"])
def test_open_conflicts_count_for_everyone_concerned(api: Api, role: str, name: str) -> None:
    call: Row = {
        "severity": "high",
        "source": "shell_agent",
        "target": "system_architect",
        "description": "?",
    }
    api.do("log_conflict", **{**call, role: [name, name] if role == "blocks" else name})
    assert board(api, "power")["active_conflicts"] == 1
    assert board(api)["active_conflicts"] == 0
    assert board(api, "shell")["active_conflicts"] == (0 if role == "source" else 1)
    api.do("resolve_conflict", conflict_id=1, resolution="?", resolved_by="shell_agent")
    assert {row["active_conflicts"] for row in api.rows("system_status")} == {0}
