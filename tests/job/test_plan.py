from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.job.test_flow_and_steps import complete, conflict, view

from humanoid.decisions import GiveUp, MoveBudgets
from humanoid.domain.amounts import Amounts
from humanoid.flow import INTEGRATION, READS, Constraints, Record, Requirement, View
from humanoid.plan import (
    Answer,
    Finish,
    PublishBudgets,
    PublishRequirements,
    Resolve,
    Stop,
    moves_of,
    plan,
    stage_of,
)

ALL_COMPLETE = [complete(name) for name in READS]


def stuck(usage: Amounts) -> tuple[View, dict[str, Any]]:
    """Power over its budget, all others (but integration, which waits) complete."""
    over = complete("power", state="over_budget")
    others = [r for r in ALL_COMPLETE if r.name not in ("power", INTEGRATION)]
    opened = conflict(
        "power", INTEGRATION, basis=over.basis, usage=usage.as_dict(), alternatives=[]
    )
    return view(*others, over, conflicts=[opened]), opened


def test_without_a_customer_there_is_nothing_to_do() -> None:
    assert plan(View({}, Constraints(), {})) is None


def test_budgets_come_first_then_requirements() -> None:
    blank = replace(
        view(), constraints=Constraints(1), requirements=dict.fromkeys(READS, Requirement())
    )
    assert plan(blank) == PublishBudgets()
    with_budgets = replace(blank, constraints=view().constraints)
    assert plan(with_budgets) == PublishRequirements(list(READS))


def test_requirements_that_a_killed_architect_left_out_are_written() -> None:
    half = {**view().requirements, "shell": Requirement()}
    assert plan(replace(view(), requirements=half)) == PublishRequirements(["shell"])


def test_nothing_is_decided_while_somebody_is_working() -> None:
    seen, _ = stuck(Amounts(8.5))
    working = {**seen.records, "shell": Record("shell")}
    assert plan(replace(seen, records=working)) is None


def test_a_conflict_is_answered_when_the_design_has_settled() -> None:
    seen, _ = stuck(Amounts(8.5))
    action = plan(seen)
    assert isinstance(action, Answer)
    assert isinstance(action.decision, MoveBudgets)


def test_an_answered_conflict_is_resolved_with_the_answer() -> None:
    seen, _ = stuck(Amounts(8.5))
    budgets = {**seen.constraints.budgets, "power": Amounts(8.5, 2000, 50)}
    moved = Constraints(2, 1, budgets, {"reason": "moved to power"})
    assert plan(replace(seen, constraints=moved)) == Resolve(7, "moved to power")


def test_a_conflict_answered_by_new_requirements_is_resolved_with_their_reason() -> None:
    seen, _ = stuck(Amounts(8.5))
    newer = Requirement(2, {"customer": 1, "level": 1, "reason": "power to be redesigned"})
    action = plan(replace(seen, requirements={**seen.requirements, "power": newer}))
    assert action == Resolve(7, "power to be redesigned")


def test_a_conflict_whose_inputs_changed_is_void() -> None:
    seen, _ = stuck(Amounts(8.5))
    newer = complete("sensing")
    newer.metadata["revision"] = 2
    action = plan(replace(seen, records={**seen.records, "sensing": newer}))
    assert action == Resolve(7, "sensing changed, to be designed again from that")


def test_a_conflict_of_an_earlier_customer_is_void() -> None:
    seen, opened = stuck(Amounts(8.5))
    opened["details"]["basis"] = {**opened["details"]["basis"], "customer": 0}
    assert plan(seen) == Resolve(7, "the customer wants something else now")


def test_giving_up_comes_after_every_conflict_that_can_be_helped() -> None:
    seen, hopeless = stuck(Amounts(100.0))
    shell = complete("shell", state="over_budget")
    usage = Amounts(5.1).as_dict()
    helped = conflict("shell", basis=shell.basis, usage=usage, alternatives=[])
    helped["conflict_id"] = 8
    records = {**seen.records, "shell": shell}
    action = plan(replace(seen, records=records, conflicts=[hopeless, helped]))
    assert isinstance(action, Answer)
    assert action.conflict_id == 8
    alone = plan(seen)
    assert isinstance(alone, Answer)
    assert isinstance(alone.decision, GiveUp)


def test_all_complete_without_conflict_is_the_end() -> None:
    assert plan(view(*ALL_COMPLETE)) == Finish()


def test_a_conflict_that_a_person_opened_keeps_the_design_open() -> None:
    assert plan(view(*ALL_COMPLETE, conflicts=[conflict("shell")])) is None


def test_after_the_verdict_there_is_nothing_to_do() -> None:
    assert plan(view(verdict={"result": "converged", "customer": 1})) == Stop("converged")


def test_moves_count_within_a_stage_only() -> None:
    metadata = {"moved_to": ["power", "power"], "moves_at_stage": 0}
    seen = replace(view(), constraints=Constraints(2, 1, {}, metadata))
    assert (stage_of(seen), moves_of(seen)) == (0, {"power": 2})
    raised = Requirement(2, {"customer": 1, "level": 2})
    later = replace(seen, requirements={**seen.requirements, "actuation": raised})
    assert (stage_of(later), moves_of(later)) == (2, {})
