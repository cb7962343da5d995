"""Conflicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

ConflictEvent = Literal[
    "opened", "reported", "updated", "note", "reassigned", "resolved", "reopened"
]


class ConflictRow(TypedDict):
    """Row of `conflicts`. Priority 1 is the most urgent of 1..4.

    `reports` counts how often it was reported while open; `reported_to` is the target that its
    source named, `target_agent` the one that it has now.
    """

    workspace: str
    conflict_id: int
    severity: str
    priority: int
    source_agent: str
    target_agent: str
    description: str
    details: dict[str, Any]
    blocks_agents: list[str]
    status: str
    resolution: str | None
    created_at: str
    resolved_at: str | None
    resolved_by: str | None
    execution_id: str | None
    conflict_key: str | None
    reported_to: str
    reports: int
    last_reported_at: str


class _BudgetTransfer(TypedDict):
    from_subsystem: str
    to_subsystem: str


class BudgetTransfer(_BudgetTransfer, total=False):
    """Budget to be moved with a resolution; an amount that is absent is 0. `reserve` is a name."""

    mass_kg: float
    cost_usd: float
    power_w: float


class ConflictEventRow(TypedDict):
    """Row of `conflict_events`: the history of a conflict, `event_id` 1, 2, 3, ... in each."""

    workspace: str
    conflict_id: int
    event_id: int
    event: ConflictEvent
    agent_name: str
    details: dict[str, Any]
    created_at: str
    execution_id: str | None


@dataclass(frozen=True, slots=True)
class UnblockWait:
    """How a blocked agent stands; while `blocked`, ask again after `retry_ms` milliseconds."""

    blocked: bool
    conflicts: list[ConflictRow]
    retry_ms: int
