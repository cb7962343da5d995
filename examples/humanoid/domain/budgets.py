"""The first budgets: the default allocation, scaled to what the customer allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from humanoid.domain.amounts import Amounts, amounts_of
from humanoid.domain.assembly import assembly_allowance
from humanoid.domain.requirements import REFERENCE_MASS_KG, Requirements

REFERENCE_COST_USD = 15_000.0
RESERVE, INTEGRATION = "reserve", "integration"
ALLOCATION = {
    "skeleton": Amounts(15.0, 3000),
    "actuation": Amounts(12.0, 6000, 800),
    "power": Amounts(8.0, 2000, 50),
    "sensing": Amounts(3.0, 2500, 50),
    "shell": Amounts(5.0, 1000),
    RESERVE: Amounts(2.0, 500),
}

Budgets = dict[str, Amounts]


def first_budgets(wanted: Requirements) -> Budgets:
    """Mass and cost in proportion to the limits; the motors' power grows with load and speed.

    It does not shrink: electronics draw the same in a small robot, and the motors come in steps.
    What joins all parts is needed in any case: its budget comes out of the reserve.
    """
    mass = wanted.mass_kg_max / REFERENCE_MASS_KG
    cost = wanted.cost_usd_max / REFERENCE_COST_USD
    moving = max(1.0, wanted.load_scale * wanted.length_scale * wanted.speed_scale)
    budgets = {
        name: Amounts(
            share.mass_kg * mass,
            share.cost_usd * cost,
            share.power_w * (moving if name == "actuation" else 1.0),
        ).rounded()
        for name, share in ALLOCATION.items()
    }
    # What rounding gave or took goes into the reserve: the sum is the customer's limit exactly.
    limit = Amounts(wanted.mass_kg_max, wanted.cost_usd_max, whole(budgets).power_w)
    reserve = budgets[RESERVE] + limit - whole(budgets)
    budgets[INTEGRATION] = assembly_allowance(wanted.mass_kg_max).least(reserve)
    budgets[RESERVE] = reserve - budgets[INTEGRATION]
    return {name: amounts.rounded() for name, amounts in budgets.items()}


def whole(budgets: Budgets) -> Amounts:
    """The limits of the whole robot: all budgets and the reserve together."""
    return sum(budgets.values(), Amounts()).rounded()


def budgets_of(allocations: Mapping[str, Mapping[str, Any]]) -> Budgets:
    """Reads `budget_allocations` of the global constraints."""
    return {name: amounts_of(amounts) for name, amounts in allocations.items()}


def allocations_of(budgets: Budgets) -> dict[str, dict[str, float]]:
    """Writes `budget_allocations`; the inverse of `budgets_of`."""
    return {name: amounts.rounded().as_dict() for name, amounts in budgets.items()}
