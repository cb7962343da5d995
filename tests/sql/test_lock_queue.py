"""Waiting for a lock: in order of arrival, and whatever ends a lease passes it on."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
import pytest
from tests.sql.support import Api
from tests.sql.waiting import (
    POWER,
    SKELETON,
    Client,
    Make,
    held_for,
    holder,
    lifetime,
    named,
    polling,
    queue,
    silence,
)

# Order


def test_waiters_are_served_in_order_of_arrival(api: Api, make: Make) -> None:
    names = ["one", "two", "three", "four", "five"]
    last = make("first").holds(SKELETON)
    waiting = [make(name).waits(SKELETON) for name in names]
    assert queue(api) == names
    tokens = []
    for client in waiting:
        last.release()
        (lease,) = client.until("granted")["leases"]
        assert holder(api) == client.name
        tokens.append(lease["fencing_token"])
        last = client
    assert tokens == [2, 3, 4, 5, 6]
    assert queue(api) == []


def test_nobody_overtakes_a_live_waiter_when_the_lease_has_lapsed(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON)
    api.lapse(api.rows("agent_locks")[0])
    assert make("hasty").ask(SKELETON, wait_seconds=0) == []
    assert make("late").ask(SKELETON) == []
    assert waiter.poll()["state"] == "granted"


def test_priority_goes_first_and_equal_priorities_by_arrival(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    for name, priority in (("d", 4), ("c", 3), ("b", 2), ("a1", 1), ("a2", 1), ("c2", 3)):
        make(name).waits(SKELETON, priority=priority)
    assert queue(api) == ["a1", "a2", "b", "c", "c2", "d"]


def test_a_waiter_of_low_priority_ages_30_seconds_a_step(api: Api, make: Make) -> None:
    """Nobody starves: after 90 s a newcomer with the highest priority is behind the lowest."""
    make("holder").holds(SKELETON)
    for name, seconds in (("patient", 91), ("fresh", 88)):
        client = make(name).waits(SKELETON, priority=4)
        for table in ("lock_tickets", "lock_ticket_resources"):
            api.sql(
                f"update core.{table} as t set queue_key = queue_key - %s * interval '1 second' "
                "where t.ticket_id = (select i.ticket_id from core.lock_tickets as i "
                "where i.request_id = %s)",
                seconds,
                client.request_id,
            )
    make("urgent").waits(SKELETON, priority=1)
    assert queue(api) == ["patient", "urgent", "fresh"]
    keys = api.sql(
        "select agent_name, extract(epoch from queue_key - created_at)::int from "
        "core.lock_tickets where workspace = %s order by 1",
        api.workspace,
    )
    assert keys == [("fresh", 30 - 88), ("patient", 30 - 91), ("urgent", -60)]


def test_a_waiter_is_told_its_position_and_who_holds_the_lock(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    waiting = [make(f"waiter-{number}").waits(SKELETON) for number in range(4)]
    answers = []
    for client in waiting:
        held_for(api, 0.1)  # as on an idle machine
        answers.append(client.poll())
    assert [answer["position"] for answer in answers] == [1, 2, 3, 4]
    assert {tuple(answer["waiting_for"]) for answer in answers} == {("holder",)}
    assert {answer["state"] for answer in answers} == {"waiting"}
    assert all(0 < answer["retry_ms"] <= 500 for answer in answers)
    assert answers[0]["leases"] == []


def test_a_waiter_for_a_free_lock_is_told_the_waiters_before_it(make: Make) -> None:
    make("holder").holds(SKELETON)
    several = make("set").waits(SKELETON, POWER)
    late = make("late").waits(POWER)
    later = make("later").waits(POWER, SKELETON)
    assert several.poll()["waiting_for"] == ["holder"]
    assert late.poll()["waiting_for"] == ["set"]
    assert later.poll()["waiting_for"] == ["holder", "late"]


def test_a_wait_for_a_lock_of_another_own_thread_names_the_agent_itself(make: Make) -> None:
    me = make("me").holds(SKELETON)
    make("other").waits(SKELETON)
    mine = me.again().waits(SKELETON)
    assert mine.poll()["waiting_for"] == ["me"]


# Every end of a lease

Ending = Callable[[Api, Client], object]


def _checkin(api: Api, client: Client) -> None:
    (lease,) = api.rows("agent_locks")
    mine = client.of(lease)
    del mine["resource_type"], mine["resource_name"]
    api.do("checkin_subsystem", subsystem="skeleton", agent_name=client.name, **mine)


def _cleanup(api: Api, client: Client) -> None:
    api.lapse(api.rows("agent_locks")[0])
    api.do("cleanup_expired_locks")


ENDINGS: dict[str, Ending] = {
    "release": lambda api, client: client.release(),
    "check-in": _checkin,
    "force_release_lock": lambda api, client: api.operate(
        "force_release_lock", **named(SKELETON), released_by="operator", reason="test"
    ),
    "cleanup_expired_locks": _cleanup,
    "DELETE in psql": lambda api, client: api.sql(
        "delete from agent_locks where workspace = %s", api.workspace
    ),
    "cancelling the request": lambda api, client: client.cancel(),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_lease_hands_it_over_in_the_same_transaction(
    api: Api, make: Make, ending: str
) -> None:
    first = make("holder").holds(SKELETON)
    second, third = (make(name).waits(SKELETON) for name in ("second", "third"))
    ENDINGS[ending](api, first)
    # Nobody has asked since.
    assert holder(api) == "second"
    assert queue(api) == ["third"]
    (lease,) = second.poll()["leases"]
    assert (lease["fencing_token"], lease["provisional"]) == (2, True)
    assert third.poll()["state"] == "waiting"


@pytest.mark.parametrize("place", [0, 1], ids=["first in line", "second in line"])
def test_an_expired_lease_goes_to_the_first_live_waiter_that_asks(
    api: Api, make: Make, place: int
) -> None:
    make("holder").holds(SKELETON)
    waiting = [make(f"waiter-{number}").waits(SKELETON) for number in range(2)]
    if place == 1:
        silence(waiting[0])
    api.lapse(api.rows("agent_locks")[0])
    assert holder(api) is None
    (lease,) = waiting[place].poll()["leases"]
    assert lease["fencing_token"] == 2


def test_a_holder_that_was_killed_keeps_its_lock_no_longer_than_its_ttl(
    api: Api, make: Make
) -> None:
    killed = make("killed")
    (lease,) = killed.ask(SKELETON, wait_seconds=0)
    waiter = make("waiter").waits(SKELETON)
    end = killed.confirm(lease, ttl_seconds=1)["expires_at"]
    while True:
        ((is_over,),) = api.sql("select clock_timestamp() > %s::timestamptz", end)
        answer = waiter.poll()
        if answer["state"] == "granted":
            break
        # Whoever asks after the end gets it, and is told to ask soon after it.
        assert not is_over and answer["retry_ms"] < 2000, answer
        time.sleep(answer["retry_ms"] / 1000)
    assert answer["leases"][0]["fencing_token"] == 2


def test_nothing_is_handed_over_when_nobody_waits(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON).release()
    assert api.rows("agent_locks") == []


# Waiters that die


def test_a_waiter_that_never_asks_is_passed_over_after_five_seconds(api: Api, make: Make) -> None:
    first = make("holder").holds(SKELETON)
    dead = make("dead").waits(SKELETON)
    make("alive").waits(SKELETON)
    silence(dead)
    assert queue(api) == ["alive"]
    first.release()
    assert holder(api) == "alive"


def test_a_waiter_that_began_to_wait_within_five_seconds_is_not_passed_over(
    api: Api, make: Make
) -> None:
    first = make("holder").holds(SKELETON)
    quiet = make("quiet").waits(SKELETON)
    make("alive").waits(SKELETON)
    silence(quiet, 4)
    first.release()
    assert holder(api) == "quiet"


@pytest.mark.parametrize(("held", "allowed_s"), [(2, 3.6), (60, 6)])
def test_a_waiter_is_dead_when_it_was_silent_for_three_times_its_retry_ms_and_3_s(
    api: Api, make: Make, held: int, allowed_s: float
) -> None:
    first = make("holder").holds(SKELETON)
    quiet = make("quiet").waits(SKELETON)
    make("alive").waits(SKELETON)
    held_for(api, held)
    quiet.poll()
    # It is told with a second to spare, and this takes its time.
    silence(quiet, allowed_s)
    assert queue(api) == ["quiet", "alive"]
    silence(quiet, 1.5)
    assert queue(api) == ["alive"]
    first.release()
    assert holder(api) == "alive"


def test_a_waiter_that_died_is_skipped_within_seconds(api: Api, make: Make) -> None:
    """By the clock, with nobody's help: it never asks, the other does."""
    first = make("holder").holds(SKELETON)
    make("dead").waits(SKELETON)
    alive = make("alive").waits(SKELETON)
    with polling(alive):
        time.sleep(5.2)
        first.release()
        assert holder(api) == "alive"


def test_a_waiter_that_comes_back_has_its_place_still(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    slow = make("slow").waits(SKELETON)
    make("next").waits(SKELETON)
    silence(slow, 30)
    assert queue(api) == ["next"]
    assert slow.poll()["state"] == "waiting"
    assert queue(api) == ["slow", "next"]


def test_a_waiter_that_is_dead_for_a_minute_is_forgotten(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    dead = make("dead").waits(SKELETON)
    silence(dead, 66)
    make("next").waits(SKELETON)
    assert dead.poll()["state"] == "gone"


def test_a_wait_ends_when_its_time_is_up_and_gets_nothing_afterwards(api: Api, make: Make) -> None:
    first = make("holder").holds(SKELETON)
    brief = make("brief").waits(SKELETON, wait_seconds=0.5)
    make("next").waits(SKELETON)
    assert brief.until("gone")["leases"] == []
    first.release()
    assert holder(api) == "next"
    assert brief.ask(SKELETON, wait_seconds=0.5) == []


# Who waits for what


def test_the_status_of_a_free_lock_has_no_holder_and_no_queue(api: Api) -> None:
    assert api.do("get_lock_status", **named(SKELETON)) == {
        **named(SKELETON),
        "holder": None,
        "queue": [],
    }


def test_the_status_tells_holder_expiry_and_the_queue_with_positions(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    waiting = [make("one").waits(SKELETON, priority=2), make("two").waits(SKELETON)]
    make("elsewhere").holds(POWER)
    status = api.do("get_lock_status", **named(SKELETON))
    assert [status["holder"]] == api.rows("agent_locks", resource_name="eq.skeleton")
    assert [
        (place["position"], place["agent_name"], place["execution_id"], place["priority"])
        for place in status["queue"]
    ] == [(1, "one", "one", 2), (2, "two", "two", 3)]
    assert [place["request_id"] for place in status["queue"]] == [one.request_id for one in waiting]
    for place in status["queue"]:
        assert lifetime(
            api, {"locked_at": place["waiting_since"], "expires_at": place["gives_up_at"]}
        ) == pytest.approx(60, abs=0.1)
    assert status["queue"] == api.rows("lock_queue", order="position")


def test_the_status_can_be_asked_by_get(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    answer = api.http.get("/rpc/get_lock_status", params=named(SKELETON), headers=api.headers())
    assert answer.json() == api.do("get_lock_status", **named(SKELETON))


def test_a_lease_that_has_lapsed_has_no_holder(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    api.lapse(api.rows("agent_locks")[0])
    assert holder(api) is None


def test_the_view_shows_live_waiters_of_all_queues(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON, POWER)
    dead = make("dead").waits(SKELETON)
    make("one").waits(SKELETON)
    make("set").waits(SKELETON, POWER)
    silence(dead)
    found = api.rows("lock_queue", order="resource_name,position")
    assert [(row["resource_name"], row["position"], row["agent_name"]) for row in found] == [
        ("power", 1, "set"),
        ("skeleton", 1, "one"),
        ("skeleton", 2, "set"),
    ]


def test_workspaces_do_not_wait_for_each_other(
    api: Api, make: Make, new_workspace: Callable[[], Api]
) -> None:
    first = make("holder").holds(SKELETON)
    waiter = make("waiter").waits(SKELETON)
    other = new_workspace()
    assert len(Client(other, "holder").ask(SKELETON)) == 1
    assert Client(other, "waiter", waiter.request_id).poll()["state"] == "gone"
    assert Client(other, "waiter", waiter.request_id).cancel() is False
    assert queue(other) == []
    first.release()
    assert holder(api) == "waiter"


# The clock


def test_a_lease_that_lapses_within_a_transaction_does_not_protect_its_next_write(
    api: Api, make: Make
) -> None:
    """The database's clock at the check counts, not at the start of the transaction."""
    (lease,) = make("holder").ask(SKELETON, ttl_seconds=1)
    with psycopg.connect(api.stack.database_url) as connection:
        connection.execute(
            "select set_config('request.headers', json_build_object('x-workspace', %s::text)::text,"
            " true)",
            [api.workspace],
        )
        connection.execute("select pg_sleep(1.1)")
        with pytest.raises(psycopg.Error, match="lease_lost"):
            connection.execute(
                "select update_subsystem_status('skeleton', '{\"n\": 1}', 'holder', %s)",
                [lease["fencing_token"]],
            )


def test_a_waiter_in_a_long_transaction_sees_a_lease_lapse(api: Api, make: Make) -> None:
    (lease,) = make("holder").ask(SKELETON, ttl_seconds=1)
    with psycopg.connect(api.stack.database_url) as connection:
        connection.execute(
            "select set_config('request.headers', json_build_object('x-workspace', %s::text)::text,"
            " true)",
            [api.workspace],
        )
        connection.execute("select pg_sleep(1.1)")
        taken = connection.execute(
            "select fencing_token from acquire_lock('subsystem', 'skeleton', 'other', 'other')"
        ).fetchall()
    assert taken == [(lease["fencing_token"] + 1,)]
