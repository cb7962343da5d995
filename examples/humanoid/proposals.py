"""A design as its agent proposes it, and what follows from it for status and conflicts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from humanoid.domain.amounts import Amounts, Infeasible, Part, total
from humanoid.flow import (
    COMPLETE,
    INFEASIBLE,
    OVER_BUDGET,
    Alternative,
    Json,
)


@dataclass(frozen=True, slots=True)
class Brief:
    """All that a design depends on: the architect's wishes, the limits, what others published."""

    wanted: Json
    level: int
    limits: Amounts
    inputs: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A design: `parts` make up its mass, cost and power, `interfaces` is what others may read.

    `summary` goes into the metadata of the status.
    """

    parts: Sequence[Part]
    interfaces: Json
    design: Json
    summary: Json = field(default_factory=dict)

    @property
    def used(self) -> Amounts:
        return total(self.parts).rounded()

    @property
    def published(self) -> Json:
        return {**self.interfaces, "parts": [part.as_dict() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class Designer:
    """One designing agent: its subsystem, its ladder of rules, and how it designs."""

    subsystem: str
    levels: tuple[str, ...]
    design: Callable[[Brief], Proposal]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a brief: a proposal, or the reason why there is none."""

    brief: Brief
    proposal: Proposal | None
    reason: str
    alternatives: list[Alternative]

    @property
    def fits(self) -> bool:
        return self.proposal is not None and self.proposal.used.fits(self.brief.limits)

    @property
    def state(self) -> str:
        if self.proposal is None:
            return INFEASIBLE
        return COMPLETE if self.fits else OVER_BUDGET


def work_out(designer: Designer, brief: Brief) -> Outcome:
    """Designs at the level of the brief, and looks what each later level would use."""
    alternatives = []
    for level in range(brief.level + 1, len(designer.levels)):
        later = Brief(brief.wanted, level, brief.limits, brief.inputs)
        try:
            used = designer.design(later).used
        except Infeasible:
            continue
        alternatives.append(Alternative(level, designer.levels[level], used))
    try:
        return Outcome(brief, designer.design(brief), "", alternatives)
    except Infeasible as problem:
        return Outcome(brief, None, str(problem), alternatives)


def status_of(outcome: Outcome, requirements: int, iteration: int) -> Json:
    """The status to write, made for this version of the requirements.

    The keys that are no columns go into its metadata.
    """
    used = outcome.proposal.used if outcome.proposal else Amounts()
    return {
        **(outcome.proposal.summary if outcome.proposal else {}),
        "state": outcome.state,
        **{f"current_{resource}": value for resource, value in used.as_dict().items()},
        "iteration": iteration,
        "level": outcome.brief.level,
        "customer": outcome.brief.wanted["customer"],
        "requirements": requirements,
        "alternatives": [alternative.as_dict() for alternative in outcome.alternatives],
    }
