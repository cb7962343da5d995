"""Budgets by the Python client, on the real stack."""

from __future__ import annotations

import asyncio

import pytest

from sharedstate import AsyncSharedState, SharedState
from sharedstate.errors import OverBudget, ReservationLost
from sharedstate_ops.stack import StackInfo


def remaining(state: SharedState, subsystem: str) -> float | None:
    """How much mass is neither used nor held."""
    rows = {row["quantity"]: row for row in state.get_budget_usage(subsystem)}
    return rows["mass_kg"]["remaining"]


def test_a_reservation_is_released_at_the_end_of_its_block(state: SharedState) -> None:
    held = state.reserve_budget("skeleton", "skeleton_agent", mass_kg=5)
    assert held
    assert (held.subsystem, held.mass_kg, held.execution_id) == ("skeleton", 5, state.execution_id)
    with held as same:
        assert same is held
        assert remaining(state, "skeleton") == 10
    assert remaining(state, "skeleton") == 15
    assert held.release() is False


def test_a_reservation_is_released_when_its_block_raises(state: SharedState) -> None:
    held = state.reserve_budget("reserve", "skeleton_agent", mass_kg=2)
    assert held
    with pytest.raises(ZeroDivisionError), held:
        raise ZeroDivisionError
    assert remaining(state, "reserve") == 2


def test_reserving_more_than_remains_returns_none(state: SharedState) -> None:
    assert state.reserve_budget("reserve", "skeleton_agent", mass_kg=2.5) is None


def test_what_was_held_is_used_in_its_block(state: SharedState) -> None:
    held = state.reserve_budget("skeleton", "skeleton_agent", mass_kg=15)
    assert held
    with held:
        state.update_subsystem_status("skeleton", {"current_mass_kg": 15}, strict=True)
    assert remaining(state, "skeleton") == 0
    (row,) = (row for row in state.get_budget_usage("skeleton") if row["quantity"] == "mass_kg")
    assert (row["scope"], row["used"], row["held"], row["share"]) == ("subsystem", 15, 0, 1)


def test_over_budget_says_which_amount_is_exceeded(state: SharedState) -> None:
    with pytest.raises(OverBudget) as caught:
        state.update_subsystem_status("skeleton", {"current_mass_kg": 16}, strict=True)
    assert caught.value.overruns == {"mass_kg": {"allocated": 15, "used": 16, "over": 1}}
    with pytest.raises(OverBudget):
        state.transfer_budget("reserve", "skeleton", 3, reason="?")


def test_a_transfer_uses_up_a_reservation_once(state: SharedState) -> None:
    held = state.reserve_budget("reserve", "system_architect", mass_kg=2)
    assert held
    used = held.reservation_id
    row = state.transfer_budget("reserve", "shell", mass_kg=2, reason="?", reservation_id=used)
    assert row["budget_allocations"]["shell"]["mass_kg"] == 7
    with pytest.raises(ReservationLost):
        state.transfer_budget("shell", "power", mass_kg=1, reason="?", reservation_id=used)
    changes = state.diff_global_constraints(1, 2)
    assert [change["path"] for change in changes] == [
        "/budget_allocations/reserve/mass_kg",
        "/budget_allocations/shell/mass_kg",
    ]


def test_the_asynchronous_client_does_the_same(stack: StackInfo, workspace: str) -> None:
    async def scenario() -> None:
        async with AsyncSharedState(
            "run-1", workspace=workspace, url=stack.url, key=stack.agent_key
        ) as state:
            held = await state.reserve_budget("reserve", "skeleton_agent", mass_kg=2)
            assert held
            async with held:
                assert await state.reserve_budget("reserve", "x", mass_kg=1) is None
            assert await held.release() is False
            again = await state.reserve_budget("reserve", "x", mass_kg=1)
            assert again
            assert await again.release() is True

    asyncio.run(scenario())
