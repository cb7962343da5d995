"""The view budget_usage: one row for each budget and quantity, and for the whole robot."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from tests.sql.support import Api, Row

COLUMNS = ("allocated", "used", "held", "remaining", "share")


def usage(api: Api) -> dict[tuple[str, str, str], Any]:
    return {
        (row["scope"], row["name"], row["quantity"]): tuple(row[name] for name in COLUMNS)
        for row in api.rows("budget_usage")
    }


def status(api: Api, subsystem: str, values: Row) -> None:
    api.do("update_subsystem_status", subsystem=subsystem, status=values, execution_id="run-1")


def test_each_budget_has_a_row_for_each_quantity_that_is_allocated(api: Api) -> None:
    found = usage(api)
    assert found["subsystem", "skeleton", "mass_kg"] == (15, 0, 0, 15, 0)
    assert found["reserve", "reserve", "cost_usd"] == (500, 0, 0, 500, 0)
    assert ("subsystem", "skeleton", "power_w") not in found
    assert not [key for key in found if key[1] == "system_architect"]
    assert len(found) == 6 * 2 + 3 + 3  # mass and cost of all, power of three, and the robot


def test_what_is_used_without_being_allocated_has_no_limit(api: Api) -> None:
    status(api, "skeleton", {"current_power_w": 5})
    status(api, "brand_new", {"current_mass_kg": 1})
    found = usage(api)
    assert found["subsystem", "skeleton", "power_w"] == (None, 5, 0, None, None)
    assert found["subsystem", "brand_new", "mass_kg"] == (None, 1, 0, None, None)
    assert found["robot", "robot", "mass_kg"] == (45, 1, 0, 44, 0.0222)


def test_a_robot_without_limits_has_a_row_only_of_what_it_uses(api: Api) -> None:
    nothing: Row = {"total_mass_kg_max": None, "total_cost_usd_max": None, "budget_allocations": {}}
    api.do("update_global_constraints", constraints=nothing, created_by="system_architect")
    assert usage(api) == {}
    status(api, "shell", {"current_mass_kg": 1})
    assert set(usage(api)) == {
        ("subsystem", "shell", "mass_kg"),
        ("robot", "robot", "mass_kg"),
    }


def test_nothing_allocated_has_no_share(api: Api) -> None:
    api.do(
        "update_global_constraints",
        constraints={"budget_allocations": {"shell": {"mass_kg": 0}}},
        created_by="system_architect",
    )
    assert usage(api)["subsystem", "shell", "mass_kg"] == (0, 0, 0, 0, None)


def rows_read(plan: Row) -> int:
    """How many versions of constraints a plan has read."""
    own = plan["Actual Rows"] * plan["Actual Loops"] + plan.get("Rows Removed by Filter", 0)
    mine = own if plan.get("Relation Name") == "global_constraints" else 0
    return int(mine) + sum(rows_read(below) for below in plan.get("Plans", []))


@pytest.mark.parametrize("caller", ["agent", "psql"])
def test_of_a_thousand_versions_it_reads_the_newest(api: Api, caller: str) -> None:
    """Every transfer makes one."""
    with psycopg.connect(api.stack.database_url) as connection:
        connection.execute(
            "insert into global_constraints (workspace, version, created_by) "
            "select %s, n, 'x' from generate_series(2, 1000) as n",
            [api.workspace],
        )
        connection.execute("analyze global_constraints")
        found = connection.execute(
            "select count(distinct workspace) from global_constraints"
        ).fetchone()
        assert found is not None
        workspaces = 1 if caller == "agent" else found[0]
        if caller == "agent":
            headers = json.dumps({"x-workspace": api.workspace})
            connection.execute("select set_config('request.headers', %s, true)", [headers])
            connection.execute("set local role authenticated")
        explained = connection.execute(
            "explain (analyze, format json) select * from budget_usage"
        ).fetchone()
        assert explained is not None
        assert rows_read(explained[0][0]["Plan"]) <= 3 * workspaces
        connection.rollback()
