"""An import keeps all digits; whoever sends back what it has read leaves them as they are."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sql.support import Api, Row

THIRD, TENTHS = 0.3333333333333333, 0.1 + 0.2
ALLOCATIONS: Row = {
    "skeleton": {"mass_kg": 10, "power_w": TENTHS},
    "power": {"mass_kg": THIRD, "cost_usd": 2 * THIRD},
    "shell": {"mass_kg": TENTHS},
}


@pytest.fixture
def imported(api: Api) -> Api:
    """A design with such numbers, of which power uses all that is allocated to it."""
    constraints = {
        "total_mass_kg_max": 20 + THIRD,
        "total_cost_usd_max": 100 + 2 * THIRD,
        "budget_allocations": ALLOCATIONS,
    }
    status = {"name": "power", "current_mass_kg": THIRD, "current_cost_usd": 2 * THIRD}
    document = {
        "format": "sharedstate/1",
        "global_constraints": [constraints],
        "subsystems": [{**status, "within_budget": True}],
    }
    api.operate("import_state", document=document)
    return api


def in_force(api: Api) -> Row:
    row: Row = api.rows("global_constraints", order="version.desc", limit="1")[0]
    return row


def publish(api: Api, constraints: Row, **more: Any) -> Row:
    row: Row = api.do(
        "update_global_constraints", constraints=constraints, created_by="architect", **more
    )
    return row


def with_mass(row: Row, subsystem: str, mass_kg: float) -> Row:
    """What an agent sends that read these constraints and changes one allocation."""
    allocations = row["budget_allocations"]
    return {
        **row,
        "budget_allocations": {
            **allocations,
            subsystem: {**allocations[subsystem], "mass_kg": mass_kg},
        },
    }


@pytest.mark.parametrize("base", [{}, {"base_version": 1}], ids=["without a base", "with a base"])
def test_a_change_of_one_budget_changes_no_other_number(imported: Api, base: Row) -> None:
    read = in_force(imported)
    publish(imported, with_mass(read, "skeleton", 9), **base)
    changes = imported.do("diff_global_constraints", from_version=1, to_version=2)
    assert [change["path"] for change in changes] == ["/budget_allocations/skeleton/mass_kg"]
    (power,) = imported.rows("subsystems", name="eq.power")
    assert power["within_budget"] is True
    assert imported.do("get_active_conflicts") == []


def test_changes_of_different_budgets_are_merged(imported: Api) -> None:
    read = in_force(imported)
    publish(imported, with_mass(read, "skeleton", 9), base_version=1)
    row = publish(imported, with_mass(read, "shell", 1), base_version=1)
    assert (row["version"], row["merged"]) == (3, True)
    masses = {name: one["mass_kg"] for name, one in row["budget_allocations"].items()}
    assert masses == {"skeleton": 9, "power": THIRD, "shell": 1}


def test_a_changed_amount_is_rounded(imported: Api) -> None:
    row = publish(imported, {**with_mass(in_force(imported), "skeleton", TENTHS)})
    assert row["budget_allocations"] == {
        **ALLOCATIONS,
        "skeleton": {"mass_kg": 0.3, "power_w": TENTHS},
    }
    row = publish(imported, {"total_mass_kg_max": 30 + THIRD})
    assert row["total_mass_kg_max"] == 30.333333


def test_a_status_that_is_sent_back_uses_what_it_used(imported: Api) -> None:
    """Rounded, 0.666... USD would be 0.666667, and over a budget of as much."""
    (read,) = imported.rows("subsystems", name="eq.power")
    arguments = {"subsystem": "power", "execution_id": "run-1", "strict": True}
    status = {**read, "state": "complete"}
    row = imported.do("update_subsystem_status", status=status, **arguments)
    assert (row["current_cost_usd"], row["within_budget"]) == (2 * THIRD, True)
    row = imported.do("update_subsystem_status", status={"current_cost_usd": THIRD}, **arguments)
    assert row["current_cost_usd"] == 0.333333
