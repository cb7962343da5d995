"""The architect: turns the customer's wishes into budgets and requirements, resolves conflicts."""

from __future__ import annotations

from humanoid.decisions import GiveUp, MoveBudgets, Redesign
from humanoid.desk import checked_out, read_view, run_agent
from humanoid.domain.briefs import first_briefs
from humanoid.domain.budgets import allocations_of, first_budgets
from humanoid.domain.requirements import Requirements, parse_requirements
from humanoid.flow import ARCHITECT, CONVERGED, DOES_NOT_CONVERGE, INTEGRATION, READS, View
from humanoid.plan import (
    Action,
    Answer,
    Finish,
    PublishBudgets,
    PublishRequirements,
    Stop,
    moves_of,
    plan,
    stage_of,
)
from humanoid.waiting import wait_until
from sharedstate import SharedState
from sharedstate.errors import ConflictAlreadyResolved, LeaseLost, OverBudget, StaleVersion
from sharedstate.types import BudgetTransfer, Checkout


def lead(state: SharedState, patience_s: float) -> str:
    """Acts whenever there is something to decide, until the design is ended: the verdict."""
    while True:
        action = wait_until(
            lambda: act(state), patience_s=patience_s, what="the other agents to settle"
        )
        if isinstance(action, Stop):
            return action.verdict


def act(state: SharedState) -> Action | None:
    """Carries out the next action, alone: under the architect's lock the plan is made again."""
    action = plan(read_view(state, ARCHITECT, READS))
    if action is None or isinstance(action, Stop):
        return action
    with checked_out(state, ARCHITECT) as checkout:
        if not checkout:
            return None
        view = read_view(state, ARCHITECT, READS)
        action = plan(view)
        try:
            if action is not None:
                carry_out(state, action, view, checkout)
        except (LeaseLost, StaleVersion, ConflictAlreadyResolved, OverBudget):
            return None  # we were away so long that another architect took over: look again
    return action


def carry_out(state: SharedState, action: Action, view: View, checkout: Checkout) -> None:
    """Writes what an action says."""
    match action:
        case PublishBudgets():
            publish_budgets(state, view, _customer(checkout))
        case PublishRequirements(subsystems):
            publish_requirements(state, view, _customer(checkout), subsystems)
        case Answer(conflict_id, MoveBudgets() as move):
            move_budgets(state, view, move, conflict_id)
        case Answer(conflict_id, Redesign() as redesign):
            state.add_conflict_note(conflict_id, ARCHITECT, redesign.reason)
            ask_for_redesign(state, view, redesign)
        case Answer(_, GiveUp() as end):
            numbers = {"missing": end.missing.as_dict()}
            finish(state, view, DOES_NOT_CONVERGE, {"reason": end.reason, **numbers})
        case Finish():
            totals = view.record(INTEGRATION).usage.as_dict()
            finish(state, view, CONVERGED, {"reason": "all complete and within limits", **totals})


def _customer(checkout: Checkout) -> Requirements:
    assert checkout.requirements is not None  # whoever sets `customer` has written them before
    return parse_requirements(checkout.requirements["requirements"])


def publish_budgets(state: SharedState, view: View, wanted: Requirements) -> None:
    """The first budgets for this customer."""
    constraints = {
        "total_mass_kg_max": wanted.mass_kg_max,
        "total_cost_usd_max": wanted.cost_usd_max,
        "height_m": wanted.height_m,
        "voltage_v": wanted.voltage_v,
        "budget_allocations": allocations_of(first_budgets(wanted)),
        "customer": view.customer,
    }
    state.update_global_constraints(constraints, ARCHITECT, base_version=view.constraints.version)


def publish_requirements(
    state: SharedState, view: View, wanted: Requirements, subsystems: list[str]
) -> None:
    """The first requirements for this customer, to those who do not have them yet."""
    briefs = first_briefs(wanted)
    for name in subsystems:
        order = {"customer": view.customer, "level": 0, "reason": "first requirements"}
        _require(state, view, name, {**briefs[name], **order})


def move_budgets(state: SharedState, view: View, move: MoveBudgets, conflict_id: int) -> None:
    """Transfers what each giver gives; the last transfer resolves the conflict in one go.

    That a move was made is noted before it is made, for there are only so many.
    """
    counts = moves_of(view)
    moves = {
        "at_stage": stage_of(view),
        "counts": {**counts, move.source: counts.get(move.source, 0) + 1},
    }
    state.update_subsystem_status(ARCHITECT, {"moves": moves})
    *others, (last, gift) = move.gifts.items()
    for giver, amounts in others:
        state.transfer_budget(
            giver, move.source, amounts.mass_kg, amounts.cost_usd, amounts.power_w, move.reason,
            ARCHITECT,
        )  # fmt: skip
    transfer = BudgetTransfer(
        from_subsystem=last, to_subsystem=move.source, mass_kg=gift.mass_kg,
        cost_usd=gift.cost_usd, power_w=gift.power_w,
    )  # fmt: skip
    state.resolve_conflict(conflict_id, move.reason, ARCHITECT, budget_transfer=transfer)


def ask_for_redesign(state: SharedState, view: View, redesign: Redesign) -> None:
    """The next version of a subsystem's requirements, at a later level of its rules."""
    content = view.requirements[redesign.subsystem].content
    order = {"level": redesign.level, "reason": redesign.reason}
    _require(state, view, redesign.subsystem, {**content, **order})


def _require(state: SharedState, view: View, subsystem: str, content: dict[str, object]) -> None:
    version = view.requirements[subsystem].version
    state.update_subsystem_requirements(subsystem, content, ARCHITECT, base_version=version)


def finish(state: SharedState, view: View, result: str, details: dict[str, object]) -> None:
    """Ends the design: everybody sees the verdict in the architect's status and stops."""
    state.log_agent_activity(ARCHITECT, result, details)
    state.update_subsystem_status(
        ARCHITECT,
        {
            "state": "complete" if result == CONVERGED else "not_converged",
            "verdict": {"customer": view.customer, "result": result, **details},
        },
    )


if __name__ == "__main__":
    run_agent(ARCHITECT, lead)
