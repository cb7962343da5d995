"""Requests for locks that are made again, given up, or come late."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.sql.support import Api
from tests.sql.waiting import POWER, SHELL, SKELETON, Client, Make, holder, queue

from sharedstate_ops.stack.keys import make_token

# The same request again


def test_asking_again_while_waiting_keeps_the_place(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    first, second = (make(name).waits(SKELETON) for name in ("first", "second"))
    assert first.ask(SKELETON) == second.ask(SKELETON) == first.ask(SKELETON) == []
    assert queue(api) == ["first", "second"]


def test_asking_again_when_it_was_handed_over_answers_the_lease(api: Api, make: Make) -> None:
    last = make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON)
    last.release()
    (lease,) = waiter.ask(SKELETON)
    assert [lease] == waiter.ask(SKELETON) == api.rows("agent_locks")


def test_a_repeated_request_gets_a_lease_that_has_expired_meanwhile(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON)
    api.lapse(api.rows("agent_locks")[0])
    (lease,) = waiter.ask(SKELETON)
    assert (lease["locked_by"], lease["fencing_token"]) == ("waiter", 2)


def test_asking_again_after_the_lease_was_released_takes_nothing_and_shows_no_lease(
    api: Api, make: Make
) -> None:
    client = make("client")
    assert client.ask(SKELETON) != []
    client.release()
    assert client.ask(SKELETON) == []
    assert api.rows("agent_locks") == []


def test_asking_with_other_arguments_under_the_same_id_is_refused_while_it_waits(
    api: Api, make: Make
) -> None:
    make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON)
    detail = waiter.is_refused("request_id_reused", POWER)
    assert detail == {"request_id": waiter.request_id, "first_used_by": "acquire_locks"}
    waiter.is_refused("request_id_reused", SKELETON, ttl_seconds=5)
    assert queue(api) == ["waiter"]


def test_eight_identical_calls_at_once_make_one_ticket(api: Api, make: Make) -> None:
    first = make("holder").holds(SKELETON)
    waiter = make("waiter")
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: waiter.ask(SKELETON), range(8))) == [[]] * 8
        assert queue(api) == ["waiter"]
        polls = [pool.submit(waiter.until, "granted") for _ in range(8)]
        first.release()
        leases = [poll.result()["leases"] for poll in polls]
    assert leases == [api.rows("agent_locks")] * 8
    assert leases[0][0]["fencing_token"] == 2


def test_the_id_of_a_waiting_request_used_for_another_call_does_not_break_the_release(
    api: Api, make: Make
) -> None:
    first = make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON)
    api.call("log_agent_activity", agent_name="a", activity="b", request_id=waiter.request_id)
    assert len(first.release()) == 1
    assert waiter.poll()["state"] == "granted"


def test_an_unknown_request_has_the_state_gone(make: Make) -> None:
    answer = make("nobody").poll()
    assert (answer["state"], answer["leases"], answer["waiting_for"]) == ("gone", [], [])


# Cancelling


def test_cancelling_ends_the_wait(api: Api, make: Make) -> None:
    first = make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON)
    assert waiter.cancel() is True
    assert queue(api) == []
    assert waiter.poll()["state"] == "gone"
    first.release()
    assert api.rows("agent_locks") == []


def test_cancelling_hands_a_lease_that_was_just_granted_to_the_next_waiter(
    api: Api, make: Make
) -> None:
    first = make("holder").holds(SKELETON)
    winner = make("winner").waits(SKELETON)
    make("next").waits(SKELETON)
    first.release()
    assert winner.cancel() is True
    assert holder(api) == "next"


def test_a_refusal_without_waiting_is_not_kept_unless_the_request_is_cancelled(
    api: Api, make: Make
) -> None:
    """A copy of the call that comes late would get the lock for somebody who has gone on."""
    first = make("holder").holds(SKELETON)
    again, given_up = make("again"), make("given-up")
    assert again.ask(SKELETON, wait_seconds=0) == given_up.ask(SKELETON, wait_seconds=0) == []
    assert given_up.cancel() is False
    first.release()
    assert given_up.ask(SKELETON, wait_seconds=0) == []
    assert len(again.ask(SKELETON, wait_seconds=0)) == 1


def test_cancelling_gives_back_all_locks_of_a_set(api: Api, make: Make) -> None:
    client = make("client").holds(SKELETON, POWER, SHELL)
    assert client.cancel() is True
    assert api.rows("agent_locks") == []


@pytest.mark.parametrize("before", ["waiting", "granted", "handed over", "lapsed"])
def test_an_acquire_call_that_comes_after_the_cancelling_gets_nothing(
    api: Api, make: Make, before: str
) -> None:
    client = make("client")
    if before in ("waiting", "handed over"):
        first = make("holder").holds(SKELETON)
        client.waits(SKELETON)
        if before == "handed over":
            first.release()
    else:
        client.holds(SKELETON)
    if before == "lapsed":
        api.lapse(api.rows("agent_locks")[0])
        make("next").holds(SKELETON)
    rows = [row for row in api.rows("agent_locks") if row["locked_by"] != "client"]
    client.cancel()
    assert client.ask(SKELETON) == []
    assert client.poll()["state"] == "gone"
    assert queue(api) == []
    assert api.rows("agent_locks") == rows


def test_an_acquire_call_that_was_overtaken_by_its_cancelling_gets_nothing(
    api: Api, make: Make
) -> None:
    client = make("client")
    assert client.cancel() is False
    assert client.ask(SKELETON) == client.ask(SKELETON, POWER) == []
    assert api.rows("agent_locks") == [] and queue(api) == []
    assert client.again().ask(SKELETON) != []


@pytest.mark.parametrize("before", ["waiting", "granted", "unknown"])
def test_cancelling_twice_answers_the_same_and_ends_nothing_more(
    api: Api, make: Make, before: str
) -> None:
    """The first answer may have been lost; what was given back must not count as lost for that."""
    client = make("client")
    if before == "waiting":
        make("holder").holds(SKELETON)
        client.waits(SKELETON)
    elif before == "granted":
        client.holds(SKELETON)
    first = client.cancel()
    rows = [make("next").ask(SKELETON, wait_seconds=0), api.rows("agent_locks")]
    assert [first, client.cancel(), client.cancel()] == [before != "unknown"] * 3
    assert api.rows("agent_locks") == rows[1] != []


def test_release_and_cancelling_at_once_leave_no_orphan(api: Api, make: Make) -> None:
    for number in range(20):
        first = make(f"holder-{number}").holds(SKELETON)
        waiter = make(f"waiter-{number}").waits(SKELETON)
        start = threading.Barrier(3)

        def both(act: Callable[[], object], start: threading.Barrier = start) -> object:
            start.wait()
            return act()

        with ThreadPoolExecutor(3) as pool:
            done = [pool.submit(both, act) for act in (first.release, waiter.cancel, waiter.poll)]
            for future in done:
                future.result()
        assert waiter.poll()["state"] == "gone"
        assert api.rows("agent_locks") == [] and queue(api) == []


def test_an_agent_cannot_ask_after_the_request_of_another_nor_cancel_it(
    api: Api, make: Make
) -> None:
    first = make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON)
    intruder = make_token(api.stack.jwt_secret, "authenticated", agent="intruder", ttl=60)
    stolen = Client(api, "intruder", waiter.request_id, intruder)
    assert stolen.poll()["state"] == "gone"
    assert stolen.cancel() is False
    assert queue(api) == ["waiter"]
    first.release()
    assert holder(api) == "waiter"
    assert (stolen.poll()["state"], stolen.poll()["leases"]) == ("gone", [])
    assert stolen.cancel() is False
    assert waiter.ask(SKELETON) == api.rows("agent_locks") != []
