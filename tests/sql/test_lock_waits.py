"""How long a lock was waited for is in the log, from a second up."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sql.support import Api
from tests.sql.waiting import POWER, SKELETON, Client, Make


def waited_for(client: Client, seconds: float, silent_for: float = -60) -> None:
    """As if the request had waited for so long, and had not asked for `silent_for` too long."""
    found = client.api.sql(
        "update core.lock_tickets set created_at = clock_timestamp() - %s * interval '1 s', "
        "alive_until = clock_timestamp() - %s * interval '1 s' "
        "where request_id = %s returning true",
        seconds,
        silent_for,
        client.request_id,
    )
    assert found == [(True,)]


def logged(api: Api) -> list[dict[str, Any]]:
    """The entries, the oldest first."""
    entries = api.do("get_recent_activity", activity="lock_waited")
    return sorted(entries, key=lambda entry: (entry["id"], entry["details"]["resource_name"]))


@pytest.mark.parametrize("how", ["granted", "cancelled", "released"])
def test_a_wait_of_a_second_or_more_is_logged_however_it_ends(
    api: Api, make: Make, how: str
) -> None:
    holder = make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON)
    waited_for(waiter, 90)
    if how == "granted":
        holder.release()
        waiter.until("granted")
    elif how == "cancelled":
        waiter.cancel()
    else:
        api.do("release_execution", execution_id=waiter.name)
    (entry,) = logged(api)
    assert (entry["agent_name"], entry["execution_id"]) == ("waiter", "waiter")
    seconds = entry["details"].pop("waited_seconds")
    assert 90 <= seconds < 110
    assert entry["details"] == {"resource_type": "subsystem", "resource_name": "skeleton"}


def test_a_shorter_wait_is_not_logged(api: Api, make: Make) -> None:
    holder = make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON)
    waited_for(waiter, -60)  # whatever else the machine does meanwhile
    holder.release()
    waiter.until("granted")
    assert logged(api) == []


def test_each_lock_of_a_set_has_been_waited_for(api: Api, make: Make) -> None:
    holder = make("holder").holds(POWER)
    waiter = make("waiter").waits(SKELETON, POWER)
    waited_for(waiter, 5)
    holder.release(POWER)
    assert [entry["details"]["resource_name"] for entry in logged(api)] == ["power", "skeleton"]


def test_a_client_that_fell_silent_has_waited_until_its_turn_was_lost(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    late = make("late").waits(SKELETON)
    waited_for(late, 300, silent_for=30)
    late.cancel()
    (entry,) = logged(api)
    assert 270 <= entry["details"]["waited_seconds"] < 271


def test_nobody_logs_the_wait_of_a_client_that_died(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    waited_for(make("gone").waits(SKELETON), 300, silent_for=200)
    make("next").waits(SKELETON)
    assert logged(api) == []
