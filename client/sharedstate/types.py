"""Rows as the database returns them (plain dicts), and the few objects made from them.

Times in rows are ISO 8601 text with a zone, as JSON carries them. Units are in the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

from sharedstate._lock_types import AwaitedLock as AwaitedLock
from sharedstate._lock_types import Lease as Lease
from sharedstate._lock_types import LockQueueRow as LockQueueRow
from sharedstate._lock_types import LockRow as LockRow
from sharedstate._lock_types import LockStatus as LockStatus
from sharedstate._lock_types import LockWait as LockWait


class ActivityRow(TypedDict):
    """Row of `agent_activity_logs`."""

    workspace: str
    id: int
    agent_name: str
    activity: str
    details: dict[str, Any]
    execution_id: str | None
    timestamp: str
    import_key: str | None
    transaction_id: str


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


class BudgetTransfer(TypedDict):
    """Budget to be moved with a resolution; an amount that is absent is 0. `reserve` is a name."""

    from_subsystem: str
    to_subsystem: str
    mass_kg: NotRequired[float]
    cost_usd: NotRequired[float]
    power_w: NotRequired[float]


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


class _DocumentRow(TypedDict):
    workspace: str
    subsystem_name: str
    version: int
    base_version: int | None
    merged: bool
    created_by: str
    created_at: str


class RequirementsRow(_DocumentRow):
    """Row of `subsystem_requirements`."""

    requirements: dict[str, Any]


class InterfacesRow(_DocumentRow):
    """Row of `subsystem_interfaces`."""

    interfaces: dict[str, Any]


class DesignRow(_DocumentRow):
    """Row of `subsystem_designs`."""

    design_data: dict[str, Any]


class DependencyRow(TypedDict):
    """Row of `document_dependencies`: what a subsystem's work is made from."""

    workspace: str
    subsystem: str
    on_subsystem: str
    document: str
    seen_version: int
    accepted_version: int | None
    read_version: int | None
    read_token: int | None
    recorded_by: str
    recorded_at: str
    execution_id: str | None


class DocumentChange(TypedDict):
    """A part that differs between two versions. `path` is a JSON pointer, `change` added, removed
    or changed; `old` and `new` are None where there is nothing."""

    path: str
    change: str
    old: Any
    new: Any


class WorkspaceRow(TypedDict):
    """A workspace as `init_workspace` returns it."""

    name: str
    created_at: str
    last_conflict_id: int


class WorkspaceSummary(TypedDict):
    """A workspace as `list_workspaces` returns it."""

    name: str
    created_at: str
    subsystems: int
    complete: int
    open_conflicts: int


class Health(TypedDict):
    """What `health` answers."""

    status: str
    schema_version: str
    server_time: str


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


@dataclass(frozen=True, slots=True)
class Checkout:
    """All that an agent needs for a step, read in the transaction that locked the subsystem.

    `status` is None while no subsystem has this name: the check-in makes it. `inputs` are the
    latest interfaces of the subsystems named in `reads` that have published any,
    `input_requirements` the latest requirements of those in `reads_requirements`.
    """

    lease: Lease
    status: SubsystemRow | None
    requirements: RequirementsRow | None
    interfaces: InterfacesRow | None
    design: DesignRow | None
    constraints: GlobalConstraintsRow | None
    inputs: list[InterfacesRow]
    input_requirements: list[RequirementsRow]
    conflicts: list[ConflictRow]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A checkout that took nothing, because critical conflicts block the agent. False in `if`.

    `conflicts` are those that block it, the most urgent first. `wait_until_unblocked` waits.
    """

    conflicts: list[ConflictRow]

    def __bool__(self) -> Literal[False]:
        return False


@dataclass(frozen=True, slots=True)
class Checkin:
    """What a checkin wrote; `interfaces` and `design` are None where none was given."""

    status: SubsystemRow
    interfaces: InterfacesRow | None
    design: DesignRow | None
    released: bool


class ExecutionRelease(TypedDict):
    """What `release_execution` ended: leases, places in line, and budget reservations."""

    leases: list[LockRow]
    waits: list[LockQueueRow]
    reservations: list[ReservationRow]


class Situation(TypedDict):
    """What `get_situation` answers.

    `leases` and `waits` are of the execution; `budget`, a row a quantity, and `stale_inputs` of the
    agent's subsystem. `conflicts` are the open ones that concern the agent, `blocked_by` those of
    them that block it. `activity` are its newest entries of the log, `server_time` the database's
    clock.
    """

    agent_name: str
    execution_id: str
    subsystem: str
    leases: list[LockRow]
    waits: list[AwaitedLock]
    blocked_by: list[ConflictRow]
    conflicts: list[ConflictRow]
    budget: list[BudgetUsageRow]
    stale_inputs: list[StaleInput]
    activity: list[ActivityRow]
    server_time: str
