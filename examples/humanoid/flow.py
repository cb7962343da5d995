"""The design as a flow of data: who reads whom, and whether somebody's work is up to date.

Everything here is computed from what stands in the database. No agent keeps anything in memory
that matters, so one that was killed and started again goes on where it was.

A design is up to date while its status names the latest version of its requirements, and the
database knows of no newer version of the interfaces that it was made from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from humanoid.domain.amounts import RESOURCES, Amounts, amounts_of
from humanoid.domain.budgets import Budgets, budgets_of

ARCHITECT = "system_architect"
INTEGRATION = "integration"
COMPLETE, OVER_BUDGET, INFEASIBLE = "complete", "over_budget", "infeasible"
CONVERGED, DOES_NOT_CONVERGE = "converged", "does_not_converge"

# What its conflicts are about: the database's own, and those that a designing agent reports.
BUDGET, DESIGN = "sharedstate:budget", "design"

# Subsystem -> the subsystems whose interfaces it reads; every one stands after those it reads.
READS: dict[str, tuple[str, ...]] = {
    "skeleton": (),
    "actuation": ("skeleton",),
    "sensing": ("skeleton",),
    "power": ("actuation", "sensing"),
    "shell": ("skeleton", "actuation"),
    INTEGRATION: ("skeleton", "actuation", "sensing", "power", "shell"),
}

Json = dict[str, Any]


def agent_of(subsystem: str) -> str:
    """`skeleton` -> `skeleton_agent`; the architect has one name for both."""
    return subsystem if subsystem == ARCHITECT else f"{subsystem}_agent"


def subsystem_of(agent: str) -> str:
    """The inverse of `agent_of`."""
    return agent.removesuffix("_agent")


def upstream(subsystem: str) -> set[str]:
    """All on whom a subsystem depends, directly or not."""
    direct = set(READS.get(subsystem, ()))
    return direct.union(*(upstream(name) for name in direct))


def downstream(subsystem: str) -> list[str]:
    """All who depend on a subsystem: they have nothing to work with while it is stuck."""
    return [name for name in READS if subsystem in upstream(name)]


@dataclass(frozen=True, slots=True)
class Alternative:
    """What a subsystem would use at a later level of its rules."""

    level: int
    name: str
    usage: Amounts

    def as_dict(self) -> Json:
        return {"level": self.level, "name": self.name, "usage": self.usage.as_dict()}


def alternatives_of(documents: Iterable[Mapping[str, Any]]) -> list[Alternative]:
    """The inverse of `Alternative.as_dict`, for a list."""
    return [Alternative(d["level"], d["name"], amounts_of(d["usage"])) for d in documents]


@dataclass(frozen=True, slots=True)
class Record:
    """A subsystem's status row, as far as this design needs it."""

    name: str
    state: str = "not_started"
    usage: Amounts = field(default_factory=Amounts)
    metadata: Json = field(default_factory=dict)
    stale: bool = False  # made from what has changed since

    @property
    def alternatives(self) -> list[Alternative]:
        return alternatives_of(self.metadata.get("alternatives") or [])


def records_of(
    statuses: Iterable[Mapping[str, Any]], overview: Iterable[Mapping[str, Any]]
) -> dict[str, Record]:
    """Reads rows of `subsystems`, and of `system_status`, which knows what is stale.

    What is being worked on, or was written between the two readings, is taken for stale, too: the
    entry in the log about that will make us look again.
    """
    fresh = {
        (row["name"], row["version"])
        for row in overview
        if not row["stale_inputs"] and not row["locked_by"]
    }
    return {
        row["name"]: Record(
            row["name"],
            row["state"],
            amounts_of({resource: row[f"current_{resource}"] for resource in RESOURCES}),
            row["metadata"],
            stale=(row["name"], row["version"]) not in fresh,
        )
        for row in statuses
    }


@dataclass(frozen=True, slots=True)
class Constraints:
    """The latest budgets, and for which version of the customer's wishes they are."""

    customer: int | None = None
    budgets: Budgets = field(default_factory=dict)


def constraints_of(row: Mapping[str, Any] | None) -> Constraints:
    """Reads a row of `global_constraints`; None means that there is none yet."""
    if row is None:
        return Constraints()
    return Constraints(row["metadata"].get("customer"), budgets_of(row["budget_allocations"]))


@dataclass(frozen=True, slots=True)
class Requirement:
    """The architect's latest requirements for one subsystem."""

    version: int = 0
    content: Json = field(default_factory=dict)

    @property
    def customer(self) -> int | None:
        """For which version of the customer's wishes it was written."""
        return self.content.get("customer")

    @property
    def level(self) -> int:
        """How far the subsystem may go in its ladder of means, 0 being its first choice."""
        return int(self.content.get("level", 0))


def requirement_of(row: Mapping[str, Any] | None) -> Requirement:
    """Reads a row of `subsystem_requirements`; None means that there is none yet."""
    return Requirement() if row is None else Requirement(row["version"], row["requirements"])


@dataclass(frozen=True, slots=True)
class View:
    """The shared state as one agent sees it in one moment."""

    records: dict[str, Record]
    constraints: Constraints
    requirements: dict[str, Requirement]
    conflicts: list[Json] = field(default_factory=list)

    def record(self, subsystem: str) -> Record:
        return self.records.get(subsystem, Record(subsystem))

    def conflict_of(self, subsystem: str) -> Json | None:
        """The open conflict about the subsystem's budget or design."""
        for conflict in self.conflicts:
            ours = conflict["conflict_key"] in (BUDGET, DESIGN)
            if ours and subsystem_of(conflict["source_agent"]) == subsystem:
                return conflict
        return None

    @property
    def customer(self) -> int | None:
        """The version of the customer's wishes that is to be designed; None before any."""
        version = self.record(ARCHITECT).metadata.get("customer")
        return None if version is None else int(version)

    @property
    def verdict(self) -> str | None:
        """CONVERGED or DOES_NOT_CONVERGE once the architect has ended this design."""
        ended: Json = self.record(ARCHITECT).metadata.get("verdict") or {}
        return ended.get("result") if ended.get("customer") == self.customer else None

    def commissioned(self, subsystem: str) -> bool:
        """Whether budgets and requirements for the present customer are there."""
        requirement = self.requirements.get(subsystem, Requirement())
        return self.customer is not None and (
            self.customer == self.constraints.customer == requirement.customer
        )

    def delivered(self, subsystem: str) -> bool:
        """Whether it has completed a design for the present customer (perhaps redoing it now)."""
        record = self.record(subsystem)
        return record.state == COMPLETE and record.metadata.get("customer") == self.customer

    def is_settled(self, subsystem: str) -> bool:
        """Whether designing again would change nothing: what fits has no conflict, the rest one."""
        record = self.record(subsystem)
        made_for = record.metadata.get("requirements")
        current = made_for == self.requirements[subsystem].version and not record.stale
        return current and (record.state == COMPLETE) == (self.conflict_of(subsystem) is None)
