from __future__ import annotations

from dataclasses import replace

from tests.job.test_flow_and_steps import complete, conflict, view

from humanoid.decisions import GiveUp, MoveBudgets
from humanoid.domain.amounts import Amounts
from humanoid.flow import INTEGRATION, READS, Constraints, Record, Requirement, View
from humanoid.plan import (
    Answer,
    Commission,
    Finish,
    moves_of,
    plan,
    stage_of,
)
from humanoid.steps import Stop, Wait

ALL_COMPLETE = [complete(name) for name in READS]


def over(name: str, usage: Amounts) -> Record:
    return replace(complete(name, state="over_budget"), usage=usage)


def stuck(usage: Amounts) -> View:
    """Power over its budget, all others (but integration, which waits) complete."""
    others = [r for r in ALL_COMPLETE if r.name not in ("power", INTEGRATION)]
    return view(*others, over("power", usage), conflicts=[conflict("power")])


def test_without_a_customer_there_is_nothing_to_do() -> None:
    assert plan(View({}, Constraints(), {})) == Wait("an order")


def test_a_new_order_is_commissioned_from_everybody() -> None:
    assert plan(replace(view(), constraints=Constraints())) == Commission(list(READS))


def test_requirements_that_a_killed_architect_left_out_are_written() -> None:
    half = {**view().requirements, "shell": Requirement()}
    assert plan(replace(view(), requirements=half)) == Commission(["shell"])


def test_nothing_is_decided_while_somebody_is_working() -> None:
    seen = stuck(Amounts(8.5))
    working = {**seen.records, "shell": Record("shell")}
    assert plan(replace(seen, records=working)) == Wait(None)


def test_a_conflict_is_answered_when_the_design_has_settled() -> None:
    seen = stuck(Amounts(8.5))
    action = plan(seen)
    assert isinstance(action, Answer)
    assert isinstance(action.decision, MoveBudgets)


def test_a_conflict_that_was_answered_is_not_answered_again() -> None:
    seen = stuck(Amounts(8.5))
    newer = Requirement(2, {"customer": 1, "level": 1, "reason": "power to be redesigned"})
    assert plan(replace(seen, requirements={**seen.requirements, "power": newer})) == Wait(None)


def test_giving_up_comes_after_every_conflict_that_can_be_helped() -> None:
    seen = stuck(Amounts(100.0))
    records = {**seen.records, "shell": over("shell", Amounts(5.1))}
    both = [*seen.conflicts, conflict("shell", conflict_id=8)]
    action = plan(replace(seen, records=records, conflicts=both))
    assert isinstance(action, Answer)
    assert action.conflict_id == 8
    alone = plan(seen)
    assert isinstance(alone, Answer)
    assert isinstance(alone.decision, GiveUp)


def test_all_complete_without_conflict_is_the_end() -> None:
    assert plan(view(*ALL_COMPLETE)) == Finish()


def test_a_conflict_that_a_person_opened_keeps_the_design_open() -> None:
    assert plan(view(*ALL_COMPLETE, conflicts=[conflict("shell", key=None)])) == Wait(None)


def test_after_the_verdict_there_is_nothing_to_do() -> None:
    assert plan(view(verdict={"result": "converged", "customer": 1})) == Stop("converged")


def test_moves_of_budget_are_counted_within_a_stage_only() -> None:
    seen = view(moves={"at_stage": 0, "counts": {"power": 2}})
    assert (stage_of(seen), moves_of(seen)) == (0, {"power": 2})
    raised = Requirement(2, {"customer": 1, "level": 2})
    later = replace(seen, requirements={**seen.requirements, "actuation": raised})
    assert (stage_of(later), moves_of(later)) == (2, {})
