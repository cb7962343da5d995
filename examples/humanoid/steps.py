"""What a designing agent does next, decided from the shared state alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from humanoid.flow import COMPLETE, READS, View, agent_of


@dataclass(frozen=True, slots=True)
class Stop:
    """The architect has ended the design."""

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
    for conflict in view.conflicts:
        if agent_of(subsystem) in conflict["blocks_agents"]:
            return Wait(f"the resolution of conflict #{conflict['conflict_id']}")
    conflict_of_own = view.conflict_of(subsystem)
    is_complete = view.record(subsystem).state == COMPLETE
    # What does not fit waits for an answer: other requirements or limits, so another basis.
    if view.is_current(subsystem) and is_complete == (conflict_of_own is None):
        if conflict_of_own is None:
            return Wait(None)
        return Wait(f"the resolution of conflict #{conflict_of_own['conflict_id']}")
    return Design()
