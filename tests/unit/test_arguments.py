"""A wrong argument is refused by its name before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from sharedstate import SharedState, errors


@pytest.mark.parametrize("limit", [0, -1, 10_001, 2.5, "5", None, True])
def test_a_limit_that_is_no_sensible_number_is_refused(limit: Any, client: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        client.get_recent_activity(limit)
    assert caught.value.detail["argument"] == "limit"


@pytest.mark.parametrize("name", ["", "手" * 129, " a", "a ", None, 5, "e\u0301", "a\n", "\ud83d"])
def test_a_table_is_not_asked_for_an_impossible_name(name: Any, client: SharedState) -> None:
    with pytest.raises(ValueError, match=r"subsystem (is|has|begins) .* — A name has 1 to 128"):
        client.get_subsystem_status(name)


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_a_status_that_is_no_object_is_refused(document: Any, client: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument, match="status is no JSON object"):
        client.update_subsystem_status("skeleton", document)


@pytest.mark.parametrize("empty", ["", 0, False, [], ()])
def test_what_is_empty_but_no_object_is_refused_too(empty: Any, client: SharedState) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "details": lambda: client.log_agent_activity("a", "b", empty),
        "details ": lambda: client.log_conflict("low", "a", "b", "c", empty),
        "status": lambda: client.checkin_subsystem("a", "b", empty, fencing_token=1),
        "details  ": lambda: client.checkin_subsystem("a", "b", details=empty, fencing_token=1),
    }
    for argument, call in calls.items():
        with pytest.raises(errors.InvalidArgument, match="is no JSON object") as caught:
            call()
        assert caught.value.detail["argument"] == argument.strip()


@pytest.mark.parametrize("value", ["abc", "1", 1.5, True, None, -1, 2**63])
def test_a_number_of_the_wrong_kind_is_refused_by_the_name_of_its_argument(
    value: Any, client: SharedState
) -> None:
    locking = ("subsystem", "skeleton", "a")
    calls: dict[str, list[Callable[[], Any]]] = {
        "priority": [
            lambda: client.log_conflict("low", "a", "b", "c", priority=value),
            lambda: client.acquire_lock(*locking, priority=value),
            lambda: client.acquire_locks([locking[:2]], "a", priority=value),
            lambda: client.lock(*locking, priority=value),
        ],
        "ttl_seconds": [
            lambda: client.acquire_lock(*locking, value),
            lambda: client.lock(*locking, value),
            lambda: client.renew_lock(*locking[:2], value, fencing_token=1),
            lambda: client.checkout_subsystem("skeleton", "a", value),
            lambda: client.reserve_budget("skeleton", "a", ttl_seconds=value),
        ],
        "conflict_id": [
            lambda: client.resolve_conflict(value, "done", "a"),
            lambda: client.add_conflict_note(value, "a", "note"),
            lambda: client.reassign_conflict(value, "b", "a", "why"),
            lambda: client.reopen_conflict(value, "a", "why"),
            lambda: client.get_conflict_history(value),
        ],
        "from_version": [
            lambda: client.diff_subsystem_design("skeleton", value, 1),
            lambda: client.diff_global_constraints(value, 1),
        ],
    }
    for argument, refused in calls.items():
        for call in refused:
            with pytest.raises(errors.InvalidArgument, match="is no whole number") as caught:
                call()
            assert caught.value.detail["argument"] == argument


@pytest.mark.parametrize(
    "time", ["yesterdayish", "", "2026-11-22T19:40:44", "2026-11-22", datetime(2026, 11, 22), 5]
)
def test_a_time_without_a_zone_is_refused_as_text_as_well(time: Any, client: SharedState) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "since": lambda: client.get_recent_activity(since=time),
        "until": lambda: client.get_recent_activity(until=time),
        "older_than": lambda: client.prune_activity(time),
    }
    for argument, call in calls.items():
        with pytest.raises(errors.InvalidArgument, match="is no time with a zone") as caught:
            call()
        assert caught.value.detail["argument"] == argument


def test_one_name_is_not_taken_for_a_list_of_letters(client: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument, match="blocks is no list of names"):
        client.log_conflict("low", "a", "b", "c", blocks="power_agent")
    with pytest.raises(errors.InvalidArgument, match="reads is no list of names"):
        client.checkout_subsystem("shell", "shell_agent", reads="power")


def test_a_request_id_must_be_a_uuid(client: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument, match="request_id is no uuid"):
        client.log_agent_activity("a", "b", request_id="again")
