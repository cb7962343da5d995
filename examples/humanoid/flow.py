"""The design as a flow of data: who reads whom, and whether somebody's work is up to date.

Everything here is computed from what stands in the database. No agent keeps anything in memory
that matters, so one that was killed and started again goes on where it was.

A subsystem's status carries the `basis` of its design: the versions that it was made from. It is
up to date while that equals the basis that a design made now would have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from humanoid.domain.amounts import Amounts, amounts_of
from humanoid.domain.budgets import Budgets, budgets_of, whole

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
    iteration: int = 0
    metadata: Json = field(default_factory=dict)

    @property
    def basis(self) -> Json:
        basis: Json = self.metadata.get("basis") or {}
        return basis

    @property
    def revision(self) -> int:
        """Counts the changes of what it published; others remember which one they read."""
        return int(self.metadata.get("revision") or 0)

    @property
    def alternatives(self) -> list[Alternative]:
        return alternatives_of(self.metadata.get("alternatives") or [])


def record_of(row: Mapping[str, Any]) -> Record:
    """Reads a row of `subsystems`."""
    usage = amounts_of({r: row[f"current_{r}"] for r in ("mass_kg", "cost_usd", "power_w")})
    return Record(row["name"], row["state"], usage, row["iteration"], row["metadata"] or {})


@dataclass(frozen=True, slots=True)
class Constraints:
    """The latest global constraints, and for which version of the customer's wishes they are."""

    version: int = 0
    customer: int | None = None
    budgets: Budgets = field(default_factory=dict)
    metadata: Json = field(default_factory=dict)

    def limits(self, subsystem: str) -> Amounts:
        """What a subsystem may use; integration answers for the whole robot."""
        return whole(self.budgets) if subsystem == INTEGRATION else self.budgets[subsystem]


def constraints_of(row: Mapping[str, Any] | None) -> Constraints:
    """Reads a row of `global_constraints`; None means that there is none yet."""
    if row is None:
        return Constraints()
    metadata = row["metadata"] or {}
    budgets = budgets_of(row["budget_allocations"] or {})
    return Constraints(row["version"], metadata.get("customer"), budgets, metadata)


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
        return record.state == COMPLETE and record.basis.get("customer") == self.customer

    def is_current(self, subsystem: str) -> bool:
        """Whether its design is what would come of designing now."""
        return self.record(subsystem).basis == self.wanted_basis(subsystem)

    def wanted_basis(self, subsystem: str) -> Json:
        """The basis that a design made now would have."""
        revisions = {name: self.record(name).revision for name in READS[subsystem]}
        requirement, limits = self.requirements[subsystem], self.constraints.limits(subsystem)
        return basis(requirement, limits, revisions)


def basis(requirement: Requirement, limits: Amounts, inputs: Mapping[str, int]) -> Json:
    """What a design was made from: two equal ones give the same design."""
    return {
        "customer": requirement.customer,
        "requirements": requirement.version,
        "limits": limits.rounded().as_dict(),
        "inputs": dict(inputs),
    }
