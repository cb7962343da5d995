"""What a designing agent does next, decided from the shared state alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from humanoid.flow import READS, View


@dataclass(frozen=True, slots=True)
class Stop:
    """The design has been ended."""

    verdict: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until `reason` comes; no reason means that the work is done."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class Design:
    """There is something to compute, or to complain about."""


Step = Stop | Wait | Design


def next_step(subsystem: str, view: View) -> Step:
    """The next step of the subsystem's agent."""
    if view.verdict is not None:
        return Stop(view.verdict)
    if not view.commissioned(subsystem):
        return Wait("requirements from the architect")
    for name in READS[subsystem]:
        if not view.delivered(name):
            return Wait(f"the {name} design")
    if not view.is_settled(subsystem):
        return Design()
    if conflict := view.conflict_of(subsystem):
        return Wait(f"the resolution of conflict #{conflict['conflict_id']}")
    return Wait(None)
