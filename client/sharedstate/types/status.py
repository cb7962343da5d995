"""The status of subsystems."""

from __future__ import annotations

from typing import Any, TypedDict


class SubsystemRow(TypedDict):
    """Row of `subsystems`."""

    workspace: str
    name: str
    state: str
    current_mass_kg: float
    current_cost_usd: float
    current_power_w: float
    within_budget: bool | None
    iteration: int
    metadata: dict[str, Any]
    version: int
    last_execution_id: str | None
    created_at: str
    updated_at: str


class StaleInput(TypedDict):
    """A document that a subsystem was made from, and that has changed since."""

    subsystem: str
    document: str
    seen_version: int
    new_version: int
    changed_paths: list[str]


class SystemStatusRow(TypedDict):
    """Row of the view `system_status`: a subsystem with budget, lock holder and conflicts."""

    workspace: str
    name: str
    state: str
    current_mass_kg: float
    budget_mass_kg: float | None
    current_cost_usd: float
    budget_cost_usd: float | None
    current_power_w: float
    budget_power_w: float | None
    within_budget: bool | None
    iteration: int
    version: int
    locked_by: str | None
    lock_expires_at: str | None
    active_conflicts: int
    stale_inputs: list[StaleInput]
    updated_at: str
