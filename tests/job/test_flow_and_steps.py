from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from humanoid.domain.amounts import Amounts
from humanoid.domain.budgets import ALLOCATION, Budgets
from humanoid.flow import (
    ARCHITECT,
    BUDGET,
    INTEGRATION,
    READS,
    Constraints,
    Record,
    Requirement,
    View,
    agent_of,
    downstream,
    records_of,
    subsystem_of,
    upstream,
)
from humanoid.plan import DONE, STUCK, WAITING, WORKING, progress_of
from humanoid.steps import Design, Stop, Wait, next_step

BUDGETS: Budgets = {**ALLOCATION, INTEGRATION: Amounts(0.9, 140)}
TOTALS = Amounts(33.0, 9500, 780)
REQUIREMENT = Requirement(1, {"customer": 1, "level": 0, "reason": "first requirements"})


def complete(name: str, *, state: str = "complete", requirements: int = 1) -> Record:
    made_for = {"customer": 1, "requirements": requirements}
    return Record(name, state, Amounts(1.0), {**made_for, "totals": TOTALS.as_dict()})


def view(*records: Record, conflicts: list[dict[str, Any]] | None = None, **architect: Any) -> View:
    chief = Record(ARCHITECT, metadata={"customer": 1, **architect})
    return View(
        records={record.name: record for record in (chief, *records)},
        constraints=Constraints(1, BUDGETS),
        requirements=dict.fromkeys(READS, REQUIREMENT),
        conflicts=conflicts or [],
    )


def conflict(source: str, *blocked: str, key: str | None = BUDGET, **more: Any) -> dict[str, Any]:
    blocks = [agent_of(name) for name in blocked]
    sides = {"source_agent": source, "target_agent": ARCHITECT, "blocks_agents": blocks}
    return {"conflict_id": 7, "description": "", "conflict_key": key, **sides, **more}


def test_every_subsystem_is_listed_after_those_it_reads() -> None:
    names = list(READS)
    for name, reads in READS.items():
        assert all(names.index(source) < names.index(name) for source in reads)


def test_upstream_and_downstream_reach_through_others() -> None:
    assert upstream("power") == {"actuation", "sensing", "skeleton"}
    assert downstream("actuation") == ["power", "shell", INTEGRATION]


def test_agents_and_subsystems_name_each_other() -> None:
    assert all(subsystem_of(agent_of(name)) == name for name in (ARCHITECT, *READS))


def test_nobody_designs_before_the_architect_has_written_requirements() -> None:
    seen = View({}, Constraints(), {"skeleton": Requirement()})
    assert next_step("skeleton", seen) == Wait("requirements from the architect")


def test_requirements_for_an_earlier_customer_are_not_designed() -> None:
    seen = view(customer=2)
    assert next_step("skeleton", seen) == Wait("requirements from the architect")


def test_the_skeleton_waits_for_nobody_else() -> None:
    assert next_step("skeleton", view()) == Design()


def test_a_reader_waits_for_what_it_reads() -> None:
    assert next_step("actuation", view()) == Wait("the skeleton design")
    assert next_step("actuation", view(complete("skeleton"))) == Design()


def test_a_design_over_budget_is_not_read() -> None:
    seen = view(complete("skeleton", state="over_budget"))
    assert next_step("actuation", seen) == Wait("the skeleton design")


def test_finished_work_is_not_done_again() -> None:
    assert next_step("skeleton", view(complete("skeleton"))) == Wait(None)


@pytest.mark.parametrize("record", [complete("skeleton", requirements=0), Record("skeleton")])
def test_work_for_other_requirements_is_done_again(record: Record) -> None:
    assert next_step("skeleton", view(record)) == Design()


def test_an_agent_waits_while_a_conflict_of_its_own_is_open() -> None:
    over = complete("skeleton", state="over_budget")
    seen = view(over, conflicts=[conflict("skeleton")])
    assert next_step("skeleton", seen) == Wait("the resolution of conflict #7")


def test_work_on_inputs_that_changed_is_done_again() -> None:
    stale = replace(complete("actuation"), stale=True)
    assert next_step("actuation", view(complete("skeleton"), stale)) == Design()


def test_finished_work_that_is_over_its_budget_by_now_is_done_again() -> None:
    seen = view(complete("skeleton"), conflicts=[conflict("skeleton")])
    assert next_step("skeleton", seen) == Design()


def row(name: str, version: int, **more: Any) -> dict[str, Any]:
    amounts = {"current_mass_kg": 1.0, "current_cost_usd": None, "current_power_w": None}
    return {
        "name": name,
        "version": version,
        "state": "complete",
        "metadata": {},
        **amounts,
        **more,
    }


def test_what_is_stale_by_the_database_or_being_worked_on_or_just_written_is_stale() -> None:
    statuses = [row(name, version=3) for name in ("skeleton", "power", "shell", "sensing")]
    idle: dict[str, Any] = {"stale_inputs": [], "locked_by": None}
    overview = [
        row("skeleton", 3, **idle),
        row("power", 3, **{**idle, "stale_inputs": [{"subsystem": "actuation"}]}),
        row("shell", 4, **idle),
        row("sensing", 3, **{**idle, "locked_by": "sensing_agent"}),
    ]
    records = records_of(statuses, overview)
    assert {name: record.stale for name, record in records.items()} == {
        "skeleton": False,
        "power": True,
        "shell": True,
        "sensing": True,
    }
    assert records["skeleton"].usage == Amounts(1.0)


def test_an_agent_over_budget_without_a_conflict_acts_again() -> None:
    # Somebody resolved it, and the design is over budget all the same.
    assert next_step("skeleton", view(complete("skeleton", state="over_budget"))) == Design()


def test_an_agent_goes_on_when_its_conflict_was_answered_by_new_requirements() -> None:
    over = complete("skeleton", state="over_budget", requirements=0)
    assert next_step("skeleton", view(over, conflicts=[conflict("skeleton")])) == Design()


def test_a_conflict_of_another_kind_does_not_keep_it_from_being_done() -> None:
    seen = view(complete("skeleton"), conflicts=[conflict("skeleton", key=None)])
    assert next_step("skeleton", seen) == Wait(None)


def test_everybody_stops_at_the_verdict_for_the_present_customer() -> None:
    ended = {"result": "converged", "customer": 1}
    assert next_step("skeleton", view(verdict=ended)) == Stop("converged")


def test_the_verdict_for_an_earlier_customer_stops_nobody() -> None:
    ended = {"result": "converged", "customer": 0}
    assert next_step("skeleton", view(verdict=ended)) == Design()


def test_progress_tells_done_stuck_waiting_and_working_apart() -> None:
    over = complete("actuation", state="over_budget")
    seen = view(complete("skeleton"), over, conflicts=[conflict("actuation")])
    assert progress_of(seen) == {
        "skeleton": DONE,
        "actuation": STUCK,
        "sensing": WORKING,
        "power": WORKING,  # sensing may still change what it waits for
        "shell": WAITING,
        INTEGRATION: WORKING,
    }


def test_a_finished_design_is_working_again_when_its_input_changed() -> None:
    sensing = replace(complete("sensing"), stale=True)
    assert progress_of(view(complete("skeleton"), sensing))["sensing"] == WORKING
