"""Limits and budgets."""

from __future__ import annotations

from typing import Any, TypedDict


class GlobalConstraintsRow(TypedDict):
    """Row of `global_constraints`: one version of the limits and budgets."""

    workspace: str
    version: int
    total_mass_kg_max: float | None
    total_cost_usd_max: float | None
    height_m: float | None
    voltage_v: float | None
    budget_allocations: dict[str, Any]
    metadata: dict[str, Any]
    base_version: int | None
    merged: bool
    created_by: str
    created_at: str


class BudgetUsageRow(TypedDict):
    """Row of the view `budget_usage`: one quantity of one subsystem, the reserve or the robot.

    `scope` is subsystem, reserve or robot; `quantity` mass_kg, cost_usd or power_w. `remaining` is
    what is neither used nor held; `share` is used / allocated. None where there is no limit.
    """

    workspace: str
    scope: str
    name: str
    quantity: str
    allocated: float | None
    used: float
    held: float
    remaining: float | None
    share: float | None


class ReservationRow(TypedDict):
    """Row of `budget_reservations`: amounts held for an execution until `expires_at`."""

    workspace: str
    reservation_id: str
    subsystem: str
    mass_kg: float
    cost_usd: float
    power_w: float
    agent_name: str
    execution_id: str
    reserved_at: str
    expires_at: str
    locked_subsystem: str | None
    fencing_token: int | None
