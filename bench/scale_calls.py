"""What is measured in an empty database and in a filled one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from agent_step import AGENT, SUBSYSTEM, checkout_and_checkin, five_calls
from sharedstate import ActivityFeed, SharedState

STEPS = ("five calls", "checkout + checkin")
ACTIVITY_PROMISE, STATUS_PROMISE = "get_recent_activity", "get_system_status"
SITUATION_PROMISE, RELEASE_PROMISE = "get_situation", "release_execution"
BOARD_PROMISE = "get_board"


def calls(state: SharedState, closing: ExitStack) -> dict[str, Callable[[], object]]:
    """What an agent of a workspace does, by name. First it is asked what is to be found there."""
    if state.get_global_constraints() is None:
        allocations = {SUBSYSTEM: {"mass_kg": 15, "cost_usd": 1500, "power_w": 60}}
        state.update_global_constraints({"budget_allocations": allocations}, "system_architect")
    state.update_subsystem_status(SUBSYSTEM, {"state": "designing"})
    state.update_subsystem_design(SUBSYSTEM, {"bones": {}}, AGENT)
    recent = state.get_recent_activity(1000, AGENT) or [state.log_agent_activity(AGENT, "designed")]
    found = recent[-1]
    days_ago = [datetime.now(UTC) - timedelta(days=days) for days in (16, 15)]
    then = state.get_recent_activity(1, until=days_ago[1]) or recent
    feed = closing.enter_context(state.follow_activity("bench_agent", timeout=10))
    return {
        STEPS[0]: lambda: five_calls(state),
        STEPS[1]: lambda: checkout_and_checkin(state),
        STATUS_PROMISE: state.get_system_status,
        SITUATION_PROMISE: lambda: state.get_situation(AGENT),
        RELEASE_PROMISE: state.release_execution,
        f"{RELEASE_PROMISE}, a session that holds nothing": lambda: state.release_execution(
            "none:"
        ),
        BOARD_PROMISE: state.get_board,
        f"{BOARD_PROMISE}, what is new": _watch(state),
        ACTIVITY_PROMISE: state.get_recent_activity,
        f"{ACTIVITY_PROMISE}, agent": lambda: state.get_recent_activity(50, AGENT),
        f"{ACTIVITY_PROMISE}, execution": lambda: state.get_recent_activity(
            execution_id=found["execution_id"]
        ),
        f"{ACTIVITY_PROMISE}, activity": lambda: state.get_recent_activity(activity="reviewed"),
        f"{ACTIVITY_PROMISE}, unknown activity": lambda: state.get_recent_activity(
            activity="never_happened"
        ),
        f"{ACTIVITY_PROMISE}, agent and activity": lambda: state.get_recent_activity(
            50, AGENT, activity="reviewed"
        ),
        f"{ACTIVITY_PROMISE}, both, never together": lambda: state.get_recent_activity(
            50, "monitor_agent", activity="reviewed"
        ),
        f"{ACTIVITY_PROMISE}, a day two weeks ago": lambda: state.get_recent_activity(
            since=days_ago[0], until=days_ago[1]
        ),
        f"{ACTIVITY_PROMISE}, a page two weeks ago": lambda: state.get_recent_activity(
            before=then[0]
        ),
        f"{ACTIVITY_PROMISE}, a later page of an agent": lambda: state.get_recent_activity(
            50, AGENT, before=found
        ),
        "follow_activity, the next entry": _follow(feed, state),
        "get_active_conflicts": state.get_active_conflicts,
        "get_active_conflicts, agent": lambda: state.get_active_conflicts(AGENT),
        "is_blocked": lambda: state.is_blocked(AGENT),
        "log_conflict + resolve_conflict": lambda: _conflict(state),
        "get_budget_usage": state.get_budget_usage,
        "get_budget_usage, subsystem": lambda: state.get_budget_usage(SUBSYSTEM),
        "reserve_budget + release_budget": lambda: _reserve(state),
        "edit_design": lambda: _edit(state),
        "get_subsystem_design, its first version": lambda: state.get_subsystem_design(SUBSYSTEM, 1),
        "get_subsystem_design_history": lambda: state.get_subsystem_design_history(SUBSYSTEM),
    }


def _follow(feed: ActivityFeed, state: SharedState) -> Callable[[], object]:
    def step() -> None:
        state.log_agent_activity("bench_agent", "designed")
        next(feed)

    return step


def _watch(state: SharedState) -> Callable[[], object]:
    cursor = state.get_board()["cursor"]

    def step() -> None:
        nonlocal cursor
        cursor = state.get_board(cursor)["cursor"]

    return step


def _conflict(state: SharedState) -> None:
    number = state.log_conflict("high", AGENT, "power_agent", "Too heavy", {"over_kg": 2})
    state.resolve_conflict(number, "Lighter now", AGENT)


def _reserve(state: SharedState) -> None:
    reservation = state.reserve_budget(SUBSYSTEM, AGENT, mass_kg=0.5)
    if not reservation:
        raise RuntimeError("there is budget enough")
    reservation.release()


def _edit(state: SharedState) -> None:
    with state.edit_design(SUBSYSTEM, AGENT) as design:
        design["edited"] = design.get("edited", 0) + 1
