"""What the architect does next, planned from the shared state alone. Pure.

Decisions are taken when the design has settled: everybody has finished, is stuck in a conflict,
or waits for somebody who is. Before that the slack of others is not known, and an answer would
depend on who happened to be faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from humanoid.decisions import Decision, GiveUp, Shortage, Situation, decide
from humanoid.domain.amounts import amounts_of
from humanoid.flow import (
    COMPLETE,
    INTEGRATION,
    READS,
    Json,
    View,
    alternatives_of,
    subsystem_of,
)

DONE, STUCK, WAITING, WORKING = "done", "stuck", "waiting", "working"


@dataclass(frozen=True, slots=True)
class PublishBudgets:
    """Write the first budgets for this customer."""


@dataclass(frozen=True, slots=True)
class PublishRequirements:
    """Write the first requirements for this customer, to these subsystems."""

    subsystems: list[str]


@dataclass(frozen=True, slots=True)
class Resolve:
    """Close a conflict that has been answered."""

    conflict_id: int
    resolution: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Carry out a decision about a conflict."""

    conflict_id: int
    decision: Decision


@dataclass(frozen=True, slots=True)
class Finish:
    """The design has converged."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The design was ended before; nothing is left to do."""

    verdict: str


Action = PublishBudgets | PublishRequirements | Resolve | Answer | Finish | Stop


def plan(view: View) -> Action | None:
    """The architect's next action; None while it has to wait for the others."""
    if view.customer is None:
        return None
    if view.verdict is not None:
        return Stop(view.verdict)
    if view.constraints.customer != view.customer:
        return PublishBudgets()
    if missing := [name for name in READS if not view.commissioned(name)]:
        return PublishRequirements(missing)
    ours = [conflict for conflict in view.conflicts if "basis" in conflict["details"]]
    for conflict in ours:
        if (resolution := _answered(conflict, view)) is not None:
            return Resolve(conflict["conflict_id"], resolution)
    return _when_settled(view, ours)


def _when_settled(view: View, conflicts: list[Json]) -> Action | None:
    progress = progress_of(view)
    if WORKING in progress.values():
        return None
    now = situation_of(view, progress)
    conflicts = sorted(conflicts, key=lambda conflict: list(READS).index(_source(conflict)))
    answers = [Answer(c["conflict_id"], decide(shortage_of(c), now)) for c in conflicts]
    # Give up on one only when there is no help for any other: that might set something free.
    answers.sort(key=lambda answer: isinstance(answer.decision, GiveUp))
    if answers:
        return answers[0]
    if progress[INTEGRATION] == DONE and not view.conflicts:
        return Finish()
    return None  # a conflict that somebody else opened: only he knows what would resolve it


def _source(conflict: Json) -> str:
    return subsystem_of(conflict["source_agent"])


def _answered(conflict: Json, view: View) -> str | None:
    """What resolves the conflict, when something did: its figures are no longer the present ones.

    An architect that was killed between answering and resolving finds its answer here.
    """
    source = _source(conflict)
    was, wanted = conflict["details"]["basis"], view.wanted_basis(source)
    if was["customer"] != wanted["customer"]:
        return "the customer wants something else now"
    if was["requirements"] != wanted["requirements"]:
        return str(view.requirements[source].content["reason"])
    if was["limits"] != wanted["limits"]:
        return str(view.constraints.metadata["reason"])
    read = [n for n, revision in wanted["inputs"].items() if was["inputs"].get(n) != revision]
    return f"{' and '.join(read)} changed, to be designed again from that" if read else None


def progress_of(view: View) -> dict[str, str]:
    """Who is done, stuck, waiting or working."""
    sources = {_source(conflict) for conflict in view.conflicts}
    progress: dict[str, str] = {}
    for name, reads in READS.items():
        record = view.record(name)
        current = record.basis == view.wanted_basis(name)
        if any(progress[source] != DONE for source in reads):
            progress[name] = WORKING if WORKING in (progress[s] for s in reads) else WAITING
        elif current and record.state == COMPLETE:
            progress[name] = DONE
        else:
            progress[name] = STUCK if current and name in sources else WORKING
    return progress


def shortage_of(conflict: Json) -> Shortage:
    """Reads the details that a designing agent puts into its conflict."""
    details: dict[str, Any] = conflict["details"]
    return Shortage(
        source=_source(conflict),
        usage=None if details["usage"] is None else amounts_of(details["usage"]),
        alternatives=alternatives_of(details["alternatives"]),
        reason=conflict["description"],
    )


def situation_of(view: View, progress: dict[str, str]) -> Situation:
    """The figures of the finished subsystems, and how often budgets were moved at this stage."""
    done = [view.record(n) for n, state in progress.items() if state == DONE and n != INTEGRATION]
    return Situation(
        budgets=view.constraints.budgets,
        usages={record.name: record.usage for record in done},
        alternatives={record.name: record.alternatives for record in done},
        moves=moves_of(view),
        waiting=tuple(n for n, state in progress.items() if state == WAITING and n != INTEGRATION),
    )


def stage_of(view: View) -> int:
    """The sum of all levels: rises with every redesign that is asked for."""
    return sum(requirement.level for requirement in view.requirements.values())


def moves_of(view: View) -> dict[str, int]:
    """How often budgets were moved to each subsystem since the last redesign was asked for."""
    metadata = view.constraints.metadata
    if metadata.get("moves_at_stage") != stage_of(view):
        return {}
    moved: list[str] = metadata.get("moved_to") or []
    return {name: moved.count(name) for name in moved}
