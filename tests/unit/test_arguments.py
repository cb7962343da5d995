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


@pytest.mark.parametrize("value", ["abc", "1", 1.5, True, None, -1, 2**63])
def test_a_time_to_hold_a_lock_that_is_no_number_of_seconds_is_refused(
    value: Any, client: SharedState
) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: client.acquire_lock("subsystem", "skeleton", "a", value),
        lambda: client.acquire_locks([("subsystem", "skeleton")], "a", value),
        lambda: client.lock("subsystem", "skeleton", "a", value),
    ]
    for call in calls:
        with pytest.raises(errors.InvalidArgument, match="is no whole number") as caught:
            call()
        assert caught.value.detail["argument"] == "ttl_seconds"


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


def test_a_text_in_place_of_a_list_of_names_is_refused(client: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument, match="blocks is no list of names"):
        client.log_conflict("low", "a", "b", "c", blocks="power_agent")
    with pytest.raises(errors.InvalidArgument, match="reads is no list of names"):
        client.checkout_subsystem("shell", "shell_agent", reads="power")


def test_a_request_id_must_be_a_uuid(client: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument, match="request_id is no uuid"):
        client.log_agent_activity("a", "b", request_id="again")
