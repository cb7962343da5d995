"""The view system_status: one row a subsystem, with budget, lock holder and open conflicts."""

from __future__ import annotations

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


def test_a_budget_that_an_agent_cleared_does_not_break_the_view(api: Api) -> None:
    api.do(
        "update_global_constraints",
        constraints={"budget_allocations": {}},
        created_by="system_architect",
    )
    assert {row["budget_mass_kg"] for row in api.rows("system_status")} == {None}


def test_open_conflicts_count_once_for_everyone_concerned(api: Api) -> None:
    call: Row = {
        "severity": "high",
        "source": "shell_agent",
        "target": "system_architect",
        "description": "?",
    }
    roles = ("source", "target", "blocks")
    names = ("power", "power_agent", "power_designer")
    logged = [
        api.do("log_conflict", **{**call, role: [name, name] if role == "blocks" else name})
        for role in roles
        for name in names
    ]
    assert board(api, "power")["active_conflicts"] == 9
    assert board(api)["active_conflicts"] == 0
    assert board(api, "shell")["active_conflicts"] == 6
    assert board(api, "system_architect")["active_conflicts"] == 6
    for row in logged:
        number = row["conflict_id"]
        api.do("resolve_conflict", conflict_id=number, resolution="?", resolved_by="shell_agent")
    assert {row["active_conflicts"] for row in api.rows("system_status")} == {0}
