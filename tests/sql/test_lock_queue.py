"""Waiting for a lock: in order of arrival, and whatever ends a lease passes it on."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
import pytest
from tests.sql.support import Api, Row
from tests.sql.waiting import (
    POWER,
    SKELETON,
    Client,
    Make,
    holder,
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


def test_who_waits_is_told_its_place_and_for_whom(make: Make) -> None:
    make("holder").holds(SKELETON)
    waiting = [make(f"waiter-{number}").waits(SKELETON) for number in range(4)]
    answers = [client.poll() for client in waiting]
    assert [answer["position"] for answer in answers] == [1, 2, 3, 4]
    assert {tuple(answer["waiting_for"]) for answer in answers} == {("holder",)}
    assert {answer["state"] for answer in answers} == {"waiting"}
    assert all(0 < answer["retry_ms"] <= 500 for answer in answers)
    assert answers[0]["leases"] == []


def test_who_waits_for_what_is_free_is_told_who_is_before_it_in_line(make: Make) -> None:
    make("holder").holds(SKELETON)
    several = make("set").waits(SKELETON, POWER)
    late = make("late").waits(POWER)
    later = make("later").waits(POWER, SKELETON)
    assert several.poll()["waiting_for"] == ["holder"]
    assert late.poll()["waiting_for"] == ["set"]
    assert later.poll()["waiting_for"] == ["holder", "late"]


def test_who_waits_for_another_of_its_own_threads_is_told_itself(make: Make) -> None:
    me = make("me").holds(SKELETON)
    make("other").waits(SKELETON)
    mine = me.again().waits(SKELETON)
    assert mine.poll()["waiting_for"] == ["me"]


# When to ask again


def held_for(api: Api, seconds: float) -> None:
    """As if the locks of the workspace had been held for so long."""
    api.sql(
        "update agent_locks set locked_at = clock_timestamp() - %s * interval '1 second' "
        "where workspace = %s",
        seconds,
        api.workspace,
    )


@pytest.mark.parametrize(("seconds", "retry_ms"), [(0.5, 50), (4, 400), (9, 900), (3600, 1000)])
def test_the_first_in_line_asks_again_after_a_tenth_of_the_time_the_lock_has_been_held(
    api: Api, make: Make, seconds: float, retry_ms: int
) -> None:
    make("holder").holds(SKELETON)
    first = make("first").waits(SKELETON)
    held_for(api, seconds)
    # What passes between the update and the question counts too.
    assert retry_ms <= first.poll()["retry_ms"] < max(retry_ms + 1, 1.5 * retry_ms)


def test_the_more_are_before_a_waiter_the_later_it_asks_again(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    waiting = [make(f"waiter-{number}").waits(SKELETON) for number in range(8)]
    held_for(api, 1)
    answers = [client.poll()["retry_ms"] for client in waiting]
    assert answers == sorted(answers) and answers[0] < answers[1] < answers[2]
    assert answers[-1] == 5000  # a grant that nobody asks for lapses after 10 s


def test_who_waits_behind_others_counts_on_turns_as_long_as_the_last_ones(
    api: Api, make: Make
) -> None:
    make("holder").holds(SKELETON)
    waiting = [make(f"waiter-{number}").waits(SKELETON) for number in range(3)]
    held_for(api, 60)
    assert waiting[2].poll()["retry_ms"] == 5000
    api.sql("update core.fencing_counters set turn_ms = 100 where workspace = %s", api.workspace)
    assert waiting[2].poll()["retry_ms"] == 1000 + 2 * 80


def test_how_long_turns_last_is_learned_from_what_is_handed_over(api: Api, make: Make) -> None:
    turns = "select turn_ms from core.fencing_counters where workspace = %s"
    make("holder").holds(SKELETON)
    first, second = (make(name).waits(SKELETON) for name in ("first", "second"))
    assert api.sql(turns, api.workspace) == [(None,)]
    api.sql(
        "update core.fencing_counters set last_granted_at = last_granted_at - interval '8 s' "
        "where workspace = %s",
        api.workspace,
    )
    make("holder").release()
    ((learned,),) = api.sql(turns, api.workspace)
    assert 8000 <= learned < 16_000
    # The next turn is short: the estimate falls by half of the difference.
    first.release()
    ((shorter,),) = api.sql(turns, api.workspace)
    assert shorter == pytest.approx(learned / 2, rel=0.2)
    assert second.poll()["state"] == "granted"


@pytest.mark.parametrize("waiters", [20, 200])
def test_all_waiters_of_a_lock_that_is_held_for_seconds_ask_at_most_100_times_a_second(
    api: Api, waiters: int
) -> None:
    ((rate,),) = api.sql(
        "select sum(1000.0 / core.lock_retry_ms(n, interval '1 second', null)) "
        "from generate_series(1, %s) as n",
        waiters,
    )
    assert rate <= 100


def test_a_waiter_that_may_be_in_a_deadlock_asks_again_in_time_to_find_it(
    api: Api, make: Make
) -> None:
    me = make("me").holds(POWER)
    make("holder").holds(SKELETON)
    make("before").waits(SKELETON)
    mine = me.again().waits(SKELETON)
    held_for(api, 60)
    assert mine.poll()["retry_ms"] == 5000
    make("other").waits(POWER)
    assert mine.poll()["retry_ms"] == 1500


def test_who_waits_for_what_nobody_holds_asks_the_later_the_longer_it_waits(
    api: Api, make: Make
) -> None:
    make("holder").holds(POWER)
    make("set").waits(SKELETON, POWER)
    behind = make("behind").waits(SKELETON)
    api.sql(
        "update core.lock_tickets set created_at = created_at - interval '60 s' "
        "where workspace = %s",
        api.workspace,
    )
    assert behind.poll()["retry_ms"] == 5000


def test_a_waiter_asks_again_within_the_time_to_live_that_it_wants(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    brief = make("brief").waits(SKELETON, ttl_seconds=1)
    held_for(api, 3600)
    assert brief.poll()["retry_ms"] == 500


def test_40_waiters_of_as_many_locks_leave_the_servers_room_for_others(
    api: Api, make: Make
) -> None:
    """PostgREST has 20 connections: a call that waited inside of the database would keep one."""
    files = [("file", f"n{number}") for number in range(40)]
    leases = make("holder").ask(*files)
    waiting = [make(f"waiter-{number}").waits(one) for number, one in enumerate(files)]
    with polling(*waiting):
        for lease in leases[:15]:
            make("holder").confirm(lease)
        ((asleep,),) = api.sql("select count(*) from pg_stat_activity where wait_event = 'PgSleep'")
        assert asleep == 0


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


# Provisional grants


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


def lifetime(api: Api, lease: Row) -> float:
    ((seconds,),) = api.sql(
        "select extract(epoch from %s::timestamptz - %s::timestamptz)",
        lease["expires_at"],
        lease["locked_at"],
    )
    return float(seconds)


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
