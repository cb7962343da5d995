"""Two transactions, step by step: a status, a budget and a reservation see what was just before."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.concurrency.budget_calls import BY, allocate, reserve, transfer, write
from tests.concurrency.crew import Call
from tests.concurrency.stage import Row, Stage

Database = psycopg.Connection[tuple[Any, ...]]


def call(stage_half: Any, one: Call) -> Row:
    name, arguments = one
    (row,) = stage_half.call(name, **arguments)
    found: Row = row
    return found


def commit(stage_half: Any, one: Call) -> Row:
    found = call(stage_half, one)
    stage_half.commit()
    return found


def subsystem(stage: Stage, name: str) -> Row:
    (row,) = stage.first.connection.execute(
        "select to_jsonb(s) from subsystems as s where workspace = core.current_workspace() "
        "and name = %s",
        [name],
    ).fetchall()
    stage.first.commit()
    found: Row = row[0]
    return found


def waits(stage: Stage, one: Call) -> Any:
    name, arguments = one
    return stage.second_waits(name, **arguments)


def test_a_transfer_sees_the_status_that_was_written_just_before(stage: Stage) -> None:
    call(stage.first, write(15))
    waiting = waits(stage, transfer(0, "skeleton", "reserve"))
    stage.first.commit()
    waiting.rows()
    assert subsystem(stage, "skeleton")["within_budget"] is False


def test_a_status_is_judged_by_the_transfer_that_was_made_just_before(stage: Stage) -> None:
    call(stage.first, transfer(0, "skeleton", "reserve"))
    waiting = waits(stage, write(15))
    stage.first.commit()
    (row,) = waiting.rows()
    assert row["within_budget"] is False


def test_a_strict_status_is_refused_when_the_budget_was_moved_just_before(stage: Stage) -> None:
    call(stage.first, transfer(0, "skeleton", "reserve"))
    waiting = waits(stage, write(15, strict=True))
    stage.first.commit()
    assert waiting.slug() == "over_budget"


@pytest.mark.parametrize("taker", ["reservation", "strict status"])
def test_a_reservation_made_just_before_refuses_reservations_and_strict_writes(
    stage: Stage, taker: str
) -> None:
    call(stage.first, reserve(1, "skeleton", 15))
    one = reserve(2, "skeleton", 1) if taker == "reservation" else write(1, strict=True)
    waiting = waits(stage, one)
    stage.first.commit()
    if taker == "reservation":
        assert waiting.rows() == []
    else:
        assert waiting.slug() == "over_budget"


def test_a_reservation_sees_the_status_that_was_written_just_before(stage: Stage) -> None:
    call(stage.first, write(15))
    waiting = waits(stage, reserve(1, "skeleton"))
    stage.first.commit()
    assert waiting.rows() == []


def conflicts(stage: Stage) -> list[str]:
    """The sources of the open ones."""
    rows = stage.first.connection.execute(
        "select source_agent from conflicts where workspace = core.current_workspace() "
        "and status = 'open' order by 1"
    ).fetchall()
    stage.first.commit()
    return [source for (source,) in rows]


@pytest.mark.parametrize("other", ["integration", "system_architect", "brand_new"])
def test_statuses_that_use_what_is_not_allocated_are_written_one_by_one(
    stage: Stage, other: str
) -> None:
    """Each alone would fit."""
    commit(stage.first, allocate(reserve=44))
    call(stage.first, write(1, "integration"))
    waiting = waits(stage, write(1, other, "run-2"))
    stage.first.commit()
    (row,) = waiting.rows()
    fits = other == "integration"
    assert row["within_budget"] is subsystem(stage, "integration")["within_budget"] is fits
    assert conflicts(stage) == ([] if fits else ["robot"])


def state(subsystem: str, **status: Any) -> Call:
    """A status that says nothing of what is shared."""
    call = {"subsystem": subsystem, "status": {"state": "designing", **status}}
    return "update_subsystem_status", {**call, "execution_id": "run-3"}


def test_a_shared_amount_locks_other_subsystems_only_when_an_overrun_begins_or_ends(
    stage: Stage,
) -> None:
    """Neither does an overrun that grows change what is true of the others."""
    commit(stage.first, allocate(reserve=42))
    for mass in (1, 2, 3, 4, 3.5):
        commit(stage.first, write(1, "integration"))
        call(stage.first, state("integration"))
        if mass == 3:  # begins the overrun
            waiting = waits(stage, write(mass, "shell"))
            stage.first.commit()
            waiting.rows()
        else:
            commit(stage.second, write(mass, "shell"))
            stage.first.commit()
        assert subsystem(stage, "integration")["within_budget"] is (mass < 3)


def test_an_overrun_of_what_is_shared_includes_a_status_written_just_before(stage: Stage) -> None:
    """Before it is over its own budget, and after it over the shared one: at no time within."""
    allocations = {"reserve": {"mass_kg": 42}, "power": {"cost_usd": 10}}
    constraints = {"budget_allocations": allocations, "total_cost_usd_max": 10}
    changed = {"constraints": constraints, "created_by": "x"}
    commit(stage.first, ("update_global_constraints", changed))
    commit(stage.first, write(1, "power"))
    commit(stage.first, state("power", current_cost_usd=11))
    assert subsystem(stage, "power")["within_budget"] is False
    written = call(stage.first, state("power", current_cost_usd=10))
    assert written["within_budget"] is True
    waiting = waits(stage, write(3, "shell"))
    stage.first.commit()
    waiting.rows()
    assert subsystem(stage, "power")["within_budget"] is False
    assert conflicts(stage) == ["robot"]


def test_statuses_of_allocated_amounts_do_not_wait_for_each_other(stage: Stage) -> None:
    call(stage.first, write(15))
    commit(stage.second, write(5, "shell"))
    stage.first.commit()


def test_a_total_that_is_new_sees_the_status_that_was_written_just_before(stage: Stage) -> None:
    unlimited = {"total_mass_kg_max": None, "total_cost_usd_max": None}
    by = {"created_by": "x"}
    commit(stage.first, ("update_global_constraints", {"constraints": unlimited, **by}))
    call(stage.first, write(1, "integration"))
    limited = {"constraints": {"total_mass_kg_max": 45}, **by}
    waiting = waits(stage, ("update_global_constraints", limited))
    stage.first.commit()
    waiting.rows()
    assert subsystem(stage, "integration")["within_budget"] is False
    assert conflicts(stage) == ["robot"]


def test_default_limits_see_the_status_that_was_written_just_before(
    stage: Stage, workspace: str, database: Database
) -> None:
    database.execute("delete from public.global_constraints where workspace = %s", [workspace])
    commit(stage.first, write(0, "integration"))
    call(stage.first, write(1, "integration"))
    waiting = waits(stage, ("init_workspace", {"workspace_name": workspace}))
    stage.first.commit()
    waiting.rows()
    assert subsystem(stage, "integration")["within_budget"] is False
    assert conflicts(stage) == ["robot"]


def test_removing_an_allocation_and_a_status_wait_for_each_other(
    stage: Stage,
) -> None:
    """What the skeleton uses is the robot's affair from then on, in either order."""
    call(stage.first, write(2))
    waiting = waits(stage, allocate(reserve=44))
    stage.first.commit()
    waiting.rows()
    assert conflicts(stage) == ["robot"]
    commit(stage.first, allocate(reserve=30, skeleton=15))
    assert conflicts(stage) == []
    call(stage.first, allocate(reserve=44))
    waiting = waits(stage, write(3))
    stage.first.commit()
    waiting.rows()
    assert subsystem(stage, "skeleton")["within_budget"] is False
    assert conflicts(stage) == ["robot"]


def test_a_status_that_waits_for_its_allocation_holds_nothing_meanwhile(stage: Stage) -> None:
    """If it is taken away it has to take the workspace's row, before anything else."""
    commit(stage.first, write(1))
    call(stage.first, allocate(reserve=44))
    waiting = waits(stage, write(1))
    stage.first.connection.execute(
        "select from core.fencing_counters where workspace = core.current_workspace() "
        "for update nowait"
    )
    stage.first.commit()
    (row,) = waiting.rows()
    assert row["within_budget"] is True


@pytest.mark.parametrize("change", ["update", "defaults", "import"])
def test_a_change_of_limits_waits_for_a_status_that_has_read_them(
    stage: Stage, workspace: str, database: Database, change: str
) -> None:
    """Not even before it has locked the row of its subsystem."""
    document = {"format": "sharedstate/1", "global_constraints": [{"total_mass_kg_max": 40}]}
    changes: dict[str, Call] = {
        "update": allocate(reserve=44),
        "defaults": ("init_workspace", {"workspace_name": workspace}),
        "import": ("import_state", {"document": document}),
    }
    if change == "defaults":
        database.execute("delete from public.global_constraints where workspace = %s", [workspace])
    stage.first.connection.execute(
        "select core.lock_shared_budget(core.current_workspace(), 'skeleton', %s)",
        ['{"current_mass_kg": 1}'],
    )
    waiting = waits(stage, changes[change])
    stage.first.commit()
    waiting.rows()


@pytest.mark.parametrize("document", ["status", "design", "requirements"])
def test_a_transfer_waits_for_a_subsystem_that_is_being_made(stage: Stage, document: str) -> None:
    """It has no row yet that a change of its budget could lock, or whose use it could see."""
    commit(stage.first, allocate(arm=5))
    if document == "status":
        call(stage.first, write(5, "arm", strict=True))
    else:
        content = {"design": "design_data"}.get(document, document)
        made = {"subsystem": "arm", content: {}, "created_by": "arm_agent"}
        call(stage.first, (f"update_subsystem_{document}", made))
    waiting = waits(stage, transfer(0, "arm", "reserve", 2))
    stage.first.commit()
    waiting.rows()
    over = document == "status"
    assert subsystem(stage, "arm")["within_budget"] is not over


def test_a_change_of_allocations_takes_conflicts_in_the_order_of_everybody(stage: Stage) -> None:
    """It resolves one and opens another: the counter of their numbers comes before both.

    Who reassigns a conflict holds the counter and then waits for its row.
    """
    commit(stage.first, write(9, "power"))
    commit(stage.first, write(5, "shell"))
    stage.first.connection.execute(
        "select core.lock_conflict_counter(core.current_workspace())"
    ).fetchall()
    waiting = waits(stage, allocate(power=9, shell=4))
    reassigned = {"conflict_id": 1, "target_agent": "skeleton_agent"}
    commit(stage.first, ("reassign_conflict", {**reassigned, **BY}))
    waiting.rows()
    assert subsystem(stage, "power")["within_budget"] is True
    assert subsystem(stage, "shell")["within_budget"] is False
