"""A grant to a waiter counts for some seconds, until its client confirms it."""

from __future__ import annotations

import pytest
from tests.sql.support import Api
from tests.sql.waiting import (
    POWER,
    SKELETON,
    Make,
    lifetime,
)


def test_a_grant_to_a_waiter_is_provisional_for_ten_seconds(api: Api, make: Make) -> None:
    first = make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON, ttl_seconds=300)
    first.release()
    (lease,) = waiter.poll()["leases"]
    assert (lease["provisional"], lease["ttl_seconds"]) == (True, 300)
    assert lifetime(api, lease) == pytest.approx(10, abs=0.2)


@pytest.mark.parametrize("before", ["never held", "lapsed"])
def test_a_grant_at_once_is_provisional_for_who_was_ready_to_wait(
    api: Api, make: Make, before: str
) -> None:
    if before == "lapsed":
        make("holder").holds(SKELETON)
        api.lapse(api.rows("agent_locks")[0])
    client = make("client")
    leases = client.ask(SKELETON, wait_seconds=0.001)
    assert [(one["provisional"], one["ttl_seconds"]) for one in leases] == [(True, 300)]
    assert lifetime(api, leases[0]) == pytest.approx(10, abs=0.2)
    assert client.ask(SKELETON, wait_seconds=0.001) == leases  # a repetition gives no more time
    assert client.confirm(leases[0])["provisional"] is False
    assert lifetime(api, {**leases[0], **client.ask(SKELETON)[0]}) > 299


def test_what_was_granted_to_a_client_that_never_read_it_is_free_within_ten_seconds(
    api: Api, make: Make
) -> None:
    """It was killed, or the answer was lost: it neither confirms nor asks again."""
    first = make("killed")
    first.ask(SKELETON, POWER, wait_seconds=3600, ttl_seconds=86400)
    waiter = make("waiter").waits(SKELETON)
    api.sql(
        "update agent_locks set expires_at = expires_at - interval '10 seconds' "
        "where workspace = %s",
        api.workspace,
    )
    assert waiter.poll()["state"] == "granted"
    assert make("other").ask(POWER, wait_seconds=0) != []
    assert first.ask(SKELETON, POWER, wait_seconds=3600, ttl_seconds=86400) == []


def test_a_grant_without_waiting_is_not_provisional(api: Api, make: Make) -> None:
    (lease,) = make("holder").ask(SKELETON, wait_seconds=0)
    assert lease["provisional"] is False
    assert lifetime(api, lease) == pytest.approx(300, abs=0.2)


def test_a_provisional_grant_that_is_confirmed_has_its_full_time(api: Api, make: Make) -> None:
    first = make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON)
    first.release()
    (lease,) = waiter.poll()["leases"]
    renewed = waiter.confirm(lease)
    assert renewed["provisional"] is False
    assert lifetime(api, {**lease, "expires_at": renewed["expires_at"]}) > 299
    assert waiter.poll() == {**waiter.poll(), "state": "granted", "leases": [renewed]}


def test_a_provisional_grant_that_nobody_confirms_lapses_and_goes_to_the_next(
    api: Api, make: Make
) -> None:
    first = make("holder").holds(SKELETON)
    dead, alive = make("dead"), make("alive")
    dead.waits(SKELETON, ttl_seconds=3)
    alive.waits(SKELETON)
    first.release()
    (orphan,) = api.rows("agent_locks")
    assert (orphan["locked_by"], orphan["provisional"]) == ("dead", True)
    assert alive.until("granted")["leases"][0]["fencing_token"] == 3
    api.refused("renew_lock", "lease_lost", **dead.of(orphan))
    assert dead.poll()["state"] == "gone"


def test_writes_are_allowed_under_a_provisional_grant(api: Api, make: Make) -> None:
    first = make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON)
    first.release()
    (lease,) = waiter.poll()["leases"]
    api.do(
        "update_subsystem_status",
        subsystem="skeleton",
        status={"n": 1},
        execution_id="waiter",
        fencing_token=lease["fencing_token"],
    )
