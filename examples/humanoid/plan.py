"""What the architect does next, planned from the shared state alone. Pure.

Decisions are taken when the design has settled: everybody has finished, is stuck in a conflict,
or waits for somebody who is. Before that the slack of others is not known, and an answer would
depend on who happened to be faster.
"""

from __future__ import annotations

from dataclasses import dataclass

from humanoid.decisions import Decision, GiveUp, Shortage, Situation, decide
from humanoid.flow import ARCHITECT, COMPLETE, INFEASIBLE, INTEGRATION, READS, View
from humanoid.steps import Stop, Wait

DONE, STUCK, WAITING, WORKING = "done", "stuck", "waiting", "working"


@dataclass(frozen=True, slots=True)
class Commission:
    """Write the first budgets and requirements for this customer, to these subsystems."""

    subsystems: list[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """Carry out a decision about a conflict."""

    conflict_id: int
    decision: Decision


@dataclass(frozen=True, slots=True)
class Finish:
    """The design has converged."""


Action = Commission | Answer | Finish


def plan(view: View) -> Action | Wait | Stop:
    """The architect's next action, if it need not wait for the others."""
    if view.customer is None:
        return Wait("an order")
    if view.verdict is not None:
        return Stop(view.verdict)
    if missing := [name for name in READS if not view.commissioned(name)]:
        return Commission(missing)
    return _when_settled(view)


def _when_settled(view: View) -> Action | Wait:
    progress = progress_of(view)
    if WORKING in progress.values():
        return Wait(None)
    now = situation_of(view, progress)
    answers = []
    for name in (n for n, state in progress.items() if state == STUCK):
        conflict = view.conflict_of(name)
        assert conflict is not None  # else it would be working
        decision = decide(shortage_of(view, name, conflict["description"]), now)
        answers.append(Answer(conflict["conflict_id"], decision))
    # Give up on one only when there is no help for any other: that might set something free.
    answers.sort(key=lambda answer: isinstance(answer.decision, GiveUp))
    if answers:
        return answers[0]
    if progress[INTEGRATION] == DONE and not view.conflicts:
        return Finish()
    return Wait(None)  # somebody else opened a conflict: only they know what would resolve it


def progress_of(view: View) -> dict[str, str]:
    """Who is done, stuck, waiting or working."""
    progress: dict[str, str] = {}
    for name, reads in READS.items():
        if any(progress[source] != DONE for source in reads):
            progress[name] = WORKING if WORKING in (progress[s] for s in reads) else WAITING
        elif not view.is_settled(name):
            progress[name] = WORKING
        else:
            progress[name] = DONE if view.record(name).state == COMPLETE else STUCK
    return progress


def shortage_of(view: View, name: str, reason: str) -> Shortage:
    """What a subsystem lacks, from the status that its agent wrote."""
    record = view.record(name)
    usage = None if record.state == INFEASIBLE else record.usage
    return Shortage(name, usage, record.alternatives, reason)


def situation_of(view: View, progress: dict[str, str]) -> Situation:
    """The figures of the finished subsystems, and how often budgets were moved at this stage."""
    done = [view.record(name) for name, state in progress.items() if state == DONE]
    return Situation(
        budgets=view.constraints.budgets,
        usages={record.name: record.usage for record in done},
        alternatives={record.name: record.alternatives for record in done},
        moves=moves_of(view),
        waiting=tuple(name for name, state in progress.items() if state == WAITING),
    )


def stage_of(view: View) -> int:
    """The sum of all levels: rises with every redesign that is asked for."""
    return sum(requirement.level for requirement in view.requirements.values())


def moves_of(view: View) -> dict[str, int]:
    """How often budgets were moved to each subsystem since the last redesign was asked for."""
    moves = view.record(ARCHITECT).metadata.get("moves") or {}
    if moves.get("at_stage") != stage_of(view):
        return {}
    return dict(moves["counts"])
