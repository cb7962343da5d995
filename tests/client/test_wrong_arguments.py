"""What the database refuses by itself is InvalidArgument as well, with what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sharedstate import SharedState, errors


def _refused(calls: dict[str, Callable[[], Any]]) -> None:
    for argument, call in calls.items():
        with pytest.raises(errors.InvalidArgument) as caught:
            call()
        assert caught.value.detail["argument"] == argument.strip(), caught.value


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_a_status_that_is_no_object_is_refused(document: Any, state: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument, match="status"):
        state.update_subsystem_status("skeleton", document)


@pytest.mark.parametrize("empty", ["", 0, False, [], ()])
def test_what_is_empty_but_no_object_is_refused_too(empty: Any, state: SharedState) -> None:
    lease = state.acquire_lock("subsystem", "power", "a")
    assert lease
    _refused(
        {
            "details": lambda: state.log_agent_activity("a", "b", empty),
            "details ": lambda: state.log_conflict("low", "a", "b", "c", empty),
            "status": lambda: state.checkin_subsystem("power", "a", empty),
            "details  ": lambda: state.checkin_subsystem("power", "a", details=empty),
        }
    )


@pytest.mark.parametrize("value", [-1, 0, 100_000])
def test_a_number_out_of_its_range_is_refused_by_the_name_of_its_argument(
    value: int, state: SharedState
) -> None:
    locking = ("subsystem", "skeleton", "a")
    _refused(
        {
            "priority": lambda: state.log_conflict("low", "a", "b", "c", priority=value),
            "priority ": lambda: state.acquire_lock(*locking, priority=value),
            "ttl_seconds": lambda: state.checkout_subsystem("skeleton", "a", value),
            "ttl_seconds ": lambda: state.reserve_budget(
                "skeleton", "a", mass_kg=1, ttl_seconds=value
            ),
        }
    )


@pytest.mark.parametrize("value", ["abc", 1.5, True, 2**63, []])
def test_what_is_no_whole_number_is_refused_and_shown(value: Any, state: SharedState) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: state.log_conflict("low", "a", "b", "c", priority=value),
        lambda: state.checkout_subsystem("skeleton", "a", value),
        lambda: state.resolve_conflict(value, "done", "a"),
        lambda: state.diff_subsystem_design("skeleton", value, 1),
        lambda: state.get_conflict_history(value),
    ]
    for call in calls:
        with pytest.raises(errors.InvalidArgument) as caught:
            call()
        assert str(value).lower() in str(caught.value)


@pytest.mark.parametrize("entries", [None, ["text"], [None], [[]]])
def test_entries_that_are_no_list_of_objects_are_refused(entries: Any, state: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument, match="entries"):
        state.log_agent_activities(entries)
