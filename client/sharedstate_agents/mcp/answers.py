"""What the tools answer. Times are ISO 8601 text by the database's clock; names have units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, Field, JsonValue

from sharedstate_agents.mcp.clock import Clock
from sharedstate_agents.mcp.fitting import Answer

Row = Mapping[str, Any]


class Holding(BaseModel):
    """A lease: who has which resource until when."""

    resource_type: str
    resource_name: str
    held_by: str
    until: str
    in_seconds: int

    @classmethod
    def of(cls, row: Row, clock: Clock) -> Self:
        """From a row of agent_locks."""
        return cls(
            resource_type=row["resource_type"],
            resource_name=row["resource_name"],
            held_by=row["locked_by"],
            until=row["expires_at"],
            in_seconds=clock.seconds_until(row["expires_at"]),
        )


class Place(BaseModel):
    """A place in line; position 1 is next. `held_by` has what is waited for."""

    resource_type: str
    resource_name: str
    position: int
    agent: str | None = None
    held_by: str | None = None
    until: str | None = None
    in_seconds: int | None = None

    @classmethod
    def of(cls, row: Row, clock: Clock) -> Self:
        """From a row of lock_queue, or one of a situation, which has the holder."""
        until = row.get("held_until")
        return cls(
            resource_type=row["resource_type"],
            resource_name=row["resource_name"],
            position=row["position"],
            agent=row.get("agent_name"),
            held_by=row.get("held_by"),
            until=until,
            in_seconds=clock.seconds_until(until) if until else None,
        )


class Conflict(BaseModel):
    """An open conflict. Priority 1 is the most urgent of 1 to 4."""

    conflict_id: int
    severity: str
    priority: int
    source: str
    target: str
    blocks: list[str]
    description: str
    details: dict[str, Any] | None = None

    @classmethod
    def of(cls, row: Row) -> Self:
        """From a row of conflicts, or one of the board."""
        return cls(
            conflict_id=row["conflict_id"],
            severity=row["severity"],
            priority=row["priority"],
            source=row["source_agent"],
            target=row["target_agent"],
            blocks=row["blocks_agents"],
            description=row["description"],
            details=row.get("details") or None,
        )


class Budget(BaseModel):
    """One quantity (mass_kg, cost_usd or power_w) of a budget; absent where there is no limit."""

    quantity: str
    allocated: float | None = None
    used: float
    held: float
    remaining: float | None = None

    @classmethod
    def of(cls, row: Row) -> Self:
        """From a row of budget_usage."""
        return cls(**{name: row[name] for name in cls.model_fields})


class StaleInput(BaseModel):
    """A document of another subsystem that has changed since the work was made from it."""

    subsystem: str
    document: str
    seen_version: int
    new_version: int


class Entry(BaseModel):
    """An entry of the activity log."""

    at: str
    agent: str
    activity: str
    details: dict[str, Any] | None = None

    @classmethod
    def of(cls, row: Row) -> Self:
        """From a row of agent_activity_logs."""
        return cls(
            at=row["timestamp"],
            agent=row["agent_name"],
            activity=row["activity"],
            details=row["details"] or None,
        )


class Document(BaseModel):
    """A version of a document."""

    subsystem: str
    version: int
    content: dict[str, Any]

    @classmethod
    def of(cls, row: Row | None, column: str) -> Self | None:
        """From a row of a document's table; None for none."""
        if row is None:
            return None
        return cls(subsystem=row["subsystem_name"], version=row["version"], content=row[column])


class MySituation(Answer):
    """All that an agent has to know now."""

    agent_name: str
    execution_id: str
    subsystem: str
    holds: list[Holding]
    waits_for: list[Place]
    blocked_by: list[Conflict]
    conflicts: list[Conflict]
    budget: list[Budget]
    stale_inputs: list[StaleInput]
    recent: list[Entry]
    server_time: str


class SubsystemState(BaseModel):
    """A subsystem on the board."""

    name: str
    state: str
    mass_kg: float
    budget_mass_kg: float | None = None
    cost_usd: float
    budget_cost_usd: float | None = None
    power_w: float
    budget_power_w: float | None = None
    within_budget: bool | None = None
    iteration: int
    held_by: str | None = None
    held_for_s: int | None = None
    waiting: int
    open_conflicts: int
    stale_inputs: list[StaleInput] | None = None

    @classmethod
    def of(cls, row: Row, clock: Clock) -> Self:
        """From a subsystem of get_board."""
        ends = row["lock_expires_at"]
        return cls(
            name=row["name"],
            state=row["state"],
            mass_kg=row["current_mass_kg"],
            budget_mass_kg=row["budget_mass_kg"],
            cost_usd=row["current_cost_usd"],
            budget_cost_usd=row["budget_cost_usd"],
            power_w=row["current_power_w"],
            budget_power_w=row["budget_power_w"],
            within_budget=row["within_budget"],
            iteration=row["iteration"],
            held_by=row["locked_by"],
            held_for_s=clock.seconds_until(ends) if ends else None,
            waiting=row["queue_length"],
            open_conflicts=row["active_conflicts"],
            stale_inputs=[StaleInput(**one) for one in row["stale_inputs"]] or None,
        )


class Overview(Answer):
    """The whole design, or what concerns one subsystem. `counts` are of the whole."""

    workspace: str
    subsystems: list[SubsystemState]
    conflicts: list[Conflict]
    leases: list[Holding]
    queue: list[Place]
    robot: list[Budget]
    counts: dict[str, int]
    cursor: str = Field(description="For `news`: what happens after this look.")


class DocumentPart(Answer):
    """A document, or the part of it that a pointer names. Version 0: there is none yet."""

    subsystem: str
    document: str
    version: int
    pointer: str
    content: JsonValue
    created_by: str | None = None
    created_at: str | None = None


class News(Answer):
    """What happened, oldest first. `more`: ask again at once with the cursor."""

    entries: list[Entry]
    cursor: str
    more: bool


class Locked(Answer):
    """A lock that is yours (granted), or who has it. `next` says what to do."""

    granted: bool
    next: str
    lease: Holding | None = None
    held_by: Holding | None = None
    place: Place | None = None
    waiting: int | None = Field(default=None, description="How many wait in line.")


class Checkout(Locked):
    """A subsystem that is yours (granted), or why not. `next` says what to do."""

    status: dict[str, Any] | None = None
    requirements: Document | None = None
    interfaces: Document | None = None
    design: Document | None = None
    inputs: list[Document] | None = Field(
        default=None, description="Interfaces of those in `reads`."
    )
    limits: dict[str, Any] | None = None
    conflicts: list[Conflict] | None = None
    blocked_by: list[Conflict] | None = None


class Saved(Answer):
    """The version that was written. `merged`: with what others had published since the base."""

    subsystem: str
    document: str
    version: int
    merged: bool


class CheckedIn(Answer):
    """What was published; the lease has ended."""

    status: dict[str, Any]
    released: bool
    within_budget: bool | None = None
    next: str | None = None


class Released(Answer):
    """Whether something was ended, and what."""

    released: bool
    what: str


class Reported(Answer):
    """The number of the conflict."""

    conflict_id: int


class Settled(Answer):
    """A conflict that is resolved."""

    conflict_id: int
    status: str
    resolution: str
    unblocked: list[str]


class Moved(Answer):
    """The allocations of both subsystems after the move."""

    version: int
    allocations: dict[str, Any]


class Reserved(Answer):
    """A reservation, or what remains when that is too little. `next` says what to do."""

    reserved: bool
    next: str
    reservation_id: str | None = None
    until: str | None = None
    in_seconds: int | None = None
    budget: list[Budget] | None = None


class Noted(Answer):
    """The entry in the log."""

    entry: Entry
