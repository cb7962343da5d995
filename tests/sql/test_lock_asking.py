"""How long a waiter is told to pause before it asks again."""

from __future__ import annotations

import pytest
from tests.sql.support import Api
from tests.sql.waiting import (
    POWER,
    SKELETON,
    Make,
    held_for,
    polling,
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


def test_a_waiter_polls_later_the_more_waiters_are_before_it(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    waiting = [make(f"waiter-{number}").waits(SKELETON) for number in range(8)]
    held_for(api, 1)
    answers = [client.poll()["retry_ms"] for client in waiting]
    assert answers == sorted(answers) and answers[0] < answers[1] < answers[2]
    assert answers[-1] == 5000  # a grant that nobody asks for lapses after 10 s


def test_a_waiter_behind_others_expects_turns_as_long_as_the_last_ones(
    api: Api, make: Make
) -> None:
    make("holder").holds(SKELETON)
    waiting = [make(f"waiter-{number}").waits(SKELETON) for number in range(3)]
    held_for(api, 60)
    assert waiting[2].poll()["retry_ms"] == 5000
    api.sql("update core.fencing_counters set turn_ms = 100 where workspace = %s", api.workspace)
    assert waiting[2].poll()["retry_ms"] == 1000 + 2 * 80


def test_the_length_of_turns_is_learned_from_hand_overs(api: Api, make: Make) -> None:
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


def test_a_waiter_for_a_free_lock_polls_less_often_the_longer_it_waits(
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
