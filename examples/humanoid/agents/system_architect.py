"""The architect: turns the customer's wishes into budgets and requirements, resolves conflicts."""

from __future__ import annotations

from humanoid.decisions import GiveUp, MoveBudgets, Redesign
from humanoid.desk import Role, read_view, run_agent
from humanoid.domain.briefs import first_briefs
from humanoid.domain.budgets import allocations_of, first_budgets
from humanoid.domain.requirements import Requirements, parse_requirements
from humanoid.flow import ARCHITECT, CONVERGED, DOES_NOT_CONVERGE, INTEGRATION, View
from humanoid.plan import Answer, Commission, Finish, moves_of, plan, stage_of
from sharedstate import SharedState
from sharedstate.types import BudgetTransfer, Checkout


def act(state: SharedState, checkout: Checkout) -> None:
    """Carries out the next action, as it is planned again under the architect's lock."""
    view = read_view(state, ARCHITECT)
    match plan(view):
        case Commission(subsystems):
            assert checkout.requirements is not None  # they came with the order
            wanted = parse_requirements(checkout.requirements["requirements"])
            commission(state, view, wanted, subsystems)
        case Answer(conflict_id, MoveBudgets() as move):
            move_budgets(state, view, move, conflict_id)
        case Answer(conflict_id, Redesign() as redesign):
            state.add_conflict_note(conflict_id, ARCHITECT, redesign.reason)
            ask_for_redesign(state, redesign)
        case Answer(_, GiveUp() as end):
            numbers = {"missing": end.missing.as_dict()}
            finish(state, view, DOES_NOT_CONVERGE, {"reason": end.reason, **numbers})
        case Finish():
            totals = view.record(INTEGRATION).metadata["totals"]
            finish(state, view, CONVERGED, {"reason": "all complete and within limits", **totals})


def commission(state: SharedState, view: View, wanted: Requirements, subsystems: list[str]) -> None:
    """The first budgets for this customer, and requirements to those who lack them."""
    if view.constraints.customer != view.customer:
        with state.edit_global_constraints(ARCHITECT) as limits:
            limits["total_mass_kg_max"] = wanted.mass_kg_max
            limits["total_cost_usd_max"] = wanted.cost_usd_max
            limits["height_m"] = wanted.height_m
            limits["voltage_v"] = wanted.voltage_v
            limits["budget_allocations"] = allocations_of(first_budgets(wanted))
            limits["metadata"] = {**limits.get("metadata", {}), "customer": view.customer}
    order = {"customer": view.customer, "level": 0, "reason": "first requirements"}
    briefs = first_briefs(wanted)
    for name in subsystems:
        with state.edit_requirements(name, ARCHITECT) as requirements:
            requirements.clear()
            requirements.update(briefs[name], **order)


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
            giver, move.source, mass_kg=amounts.mass_kg, cost_usd=amounts.cost_usd,
            power_w=amounts.power_w, reason=move.reason, agent_name=ARCHITECT,
        )  # fmt: skip
    transfer = BudgetTransfer(
        from_subsystem=last, to_subsystem=move.source, mass_kg=gift.mass_kg,
        cost_usd=gift.cost_usd, power_w=gift.power_w,
    )  # fmt: skip
    state.resolve_conflict(conflict_id, move.reason, ARCHITECT, budget_transfer=transfer)


def ask_for_redesign(state: SharedState, redesign: Redesign) -> None:
    """The next version of a subsystem's requirements, at a later level of its rules."""
    with state.edit_requirements(redesign.subsystem, ARCHITECT) as requirements:
        requirements.update(level=redesign.level, reason=redesign.reason)


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


ROLE = Role(ARCHITECT, plan, act)

if __name__ == "__main__":
    run_agent(ROLE)
