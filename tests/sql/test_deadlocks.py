"""A wait that would close a cycle is refused; a cycle that comes about later is ended."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from tests.sql.support import Api, Row
from tests.sql.waiting import (
    POWER,
    SHELL,
    SKELETON,
    Client,
    Make,
    holder,
    polling,
    queue,
    silence,
)


def edges(cycle: list[Row]) -> list[tuple[str, str]]:
    """(who waits, for what) around the cycle."""
    return [(edge["agent_name"], edge["waits_for"]["resource_name"]) for edge in cycle]


def test_a_wait_that_closes_a_cycle_of_two_is_refused_and_named(api: Api, make: Make) -> None:
    one, two = make("one").holds(SKELETON), make("two").holds(POWER)
    waiter = one.again().waits(POWER)
    detail = two.again().is_refused("deadlock", SKELETON)
    assert edges(detail["cycle"]) == [("two", "skeleton"), ("one", "power")]
    for edge in detail["cycle"]:
        assert edge["execution_id"] == edge["agent_name"]
        assert edge["waits_for"]["resource_type"] == "subsystem"
        assert isinstance(edge["ticket_id"], int)
    # Only the newcomer loses; when it gives back what it holds, the other goes on.
    assert (queue(api, SKELETON), queue(api, POWER)) == ([], ["one"])
    two.release(POWER)
    assert waiter.poll()["state"] == "granted"


def test_a_wait_that_closes_a_cycle_of_three_is_refused(make: Make) -> None:
    for name, resource in (("one", SKELETON), ("two", POWER), ("three", SHELL)):
        make(name).holds(resource)
    make("one").waits(POWER)
    make("two").waits(SHELL)
    detail = make("three").is_refused("deadlock", SKELETON)
    assert edges(detail["cycle"]) == [("three", "skeleton"), ("one", "power"), ("two", "shell")]


def test_a_chain_without_a_cycle_is_no_deadlock(make: Make) -> None:
    for name, resource in (("one", SKELETON), ("two", POWER), ("three", SHELL)):
        make(name).holds(resource)
    make("one").waits(POWER)
    make("two").waits(SHELL)
    assert make("four").ask(SKELETON) == []


def test_a_cycle_through_sets_is_refused(make: Make) -> None:
    make("one").holds(SKELETON)
    make("two").holds(POWER)
    make("one").waits(POWER, SHELL)
    detail = make("two").is_refused("deadlock", SKELETON, ("subsystem", "sensors"))
    assert edges(detail["cycle"]) == [("two", "skeleton"), ("one", "power")]


def test_a_wait_behind_a_set_that_waits_for_the_callers_lock_is_a_deadlock(make: Make) -> None:
    """Power is free, but it is the set's turn there, and the set waits for the skeleton."""
    one = make("one").holds(SKELETON)
    make("set").waits(SKELETON, POWER)
    detail = one.again().is_refused("deadlock", POWER)
    assert edges(detail["cycle"]) == [("one", "power"), ("set", "skeleton")]


def test_threads_of_several_executions_may_crowd_at_one_lock(make: Make) -> None:
    """one holds it, two waits, a thread of one waits behind two: no cycle, just a crowd."""
    holding = make("one").holds(SKELETON)
    behind = [make(name).waits(SKELETON) for name in ("two", "one", "two", "one")]
    holding.release(SKELETON)
    assert behind[0].poll()["state"] == "granted"


def test_a_wait_for_a_lock_of_another_own_thread_is_no_deadlock(api: Api, make: Make) -> None:
    """Another thread of the execution may well release it."""
    one = make("one").holds(SKELETON)
    waiter = one.again().waits(SKELETON)
    assert waiter.poll()["state"] == "waiting"
    one.release()
    assert waiter.poll()["state"] == "granted"


def test_executions_of_one_agent_are_told_apart(make: Make) -> None:
    make("one").holds(SKELETON)
    make("two").holds(POWER)
    make("one").waits(POWER)
    other_run = Client(make("two").api, "two")
    assert other_run.ask(SKELETON, execution_id="another-run") == []


def test_agents_of_one_execution_are_told_apart(make: Make) -> None:
    run = {"execution_id": "run"}
    make("one").holds(SKELETON, **run)
    make("two").holds(POWER, **run)
    make("one").waits(POWER, **run)
    detail = make("two").is_refused("deadlock", SKELETON, **run)
    assert edges(detail["cycle"]) == [("two", "skeleton"), ("one", "power")]


def test_a_wait_of_another_agent_of_the_same_execution_closes_no_cycle(make: Make) -> None:
    run = {"execution_id": "run"}
    make("one").holds(SKELETON, **run)
    make("three").holds(POWER)
    make("two").waits(POWER, **run)
    assert make("three").ask(SKELETON) == []


def test_a_set_with_an_own_lock_is_a_deadlock_if_its_other_holder_waits_for_that(
    make: Make,
) -> None:
    one = make("one").holds(SKELETON)
    make("two").holds(POWER)
    make("two").waits(SKELETON)
    detail = one.again().is_refused("deadlock", SKELETON, POWER)
    assert edges(detail["cycle"]) == [("one", "power"), ("two", "skeleton")]


def test_a_set_with_an_own_lock_is_no_deadlock_if_its_other_holder_waits_for_nobody(
    make: Make,
) -> None:
    """two waits for a thread of one, and so does one's other thread; power will be released."""
    one = make("one").holds(SKELETON)
    make("other").holds(POWER)
    make("two").waits(SKELETON)
    assert one.again().ask(SKELETON, POWER) == []


def test_a_wait_behind_a_thread_of_the_holder_is_also_behind_the_waiters_before_it(
    make: Make,
) -> None:
    make("one").holds(SKELETON)
    three = make("three").holds(SHELL)
    make("two").waits(SKELETON, SHELL)
    make("one").waits(SKELETON)
    detail = three.again().is_refused("deadlock", SKELETON)
    assert edges(detail["cycle"]) == [("three", "skeleton"), ("two", "shell")]


def test_a_waiter_that_died_closes_no_cycle(make: Make) -> None:
    make("one").holds(SKELETON)
    make("two").holds(POWER)
    silence(make("one").waits(POWER))
    assert make("two").ask(SKELETON) == []


def test_a_lease_that_has_lapsed_closes_no_cycle(api: Api, make: Make) -> None:
    make("one").holds(SKELETON)
    make("two").holds(POWER)
    make("three").holds(SHELL)
    make("two").waits(SHELL)
    api.sql(
        "update agent_locks set expires_at = clock_timestamp() "
        "where workspace = %s and locked_by = 'two'",
        api.workspace,
    )
    make("three").waits(SKELETON)
    assert make("one").ask(POWER) != []


def test_a_refused_wait_leaves_no_trace_and_may_be_repeated(api: Api, make: Make) -> None:
    make("one").holds(SKELETON)
    make("two").holds(POWER)
    first = make("one").waits(POWER)
    second = make("two")
    second.is_refused("deadlock", SKELETON)
    second.is_refused("deadlock", SKELETON)
    assert second.poll()["state"] == "gone"
    first.cancel()
    assert second.ask(SKELETON) == []


# Cycles that come about later


class Transactions:
    """Several calls that begin before any of them has committed."""

    def __init__(self, api: Api, exits: ExitStack) -> None:
        self.api, self.exits = api, exits
        self.open: list[psycopg.Connection[Any]] = []

    def wait(self, name: str, resource: tuple[str, str]) -> Client:
        connection = self.exits.enter_context(psycopg.connect(self.api.stack.database_url))
        connection.execute(
            "select set_config('request.headers', %s, true)",
            [json.dumps({"x-workspace": self.api.workspace})],
        )
        client = Client(self.api, name, str(uuid.uuid4()))
        granted = connection.execute(
            "select * from acquire_lock(%s, %s, %s, %s, 300, 60, 3, %s)",
            [*resource, name, name, client.request_id],
        ).fetchall()
        assert granted == []
        self.open.append(connection)
        return client

    def commit(self) -> None:
        for connection in self.open:
            connection.commit()


@pytest.fixture
def transactions(api: Api) -> Iterator[Transactions]:
    with ExitStack() as exits:
        yield Transactions(api, exits)


def refused(api: Api) -> list[str]:
    rows = api.sql(
        "select agent_name from core.lock_tickets where workspace = %s and refused is not null",
        api.workspace,
    )
    return [name for (name,) in rows]


def wait_for_a_loser(api: Api, seconds: float) -> list[str]:
    """The agents whose wait was refused, as soon as there is one."""
    deadline = time.monotonic() + seconds
    while not (found := refused(api)):
        assert time.monotonic() < deadline, "no deadlock was found"
        time.sleep(0.01)
    return found


def test_two_waits_that_begin_together_and_close_a_cycle_are_found_within_a_second(
    api: Api, make: Make, transactions: Transactions
) -> None:
    make("one").holds(SKELETON)
    two = make("two").holds(POWER)
    older = transactions.wait("one", POWER)
    younger = transactions.wait("two", SKELETON)
    transactions.commit()
    with polling(older, younger):
        assert wait_for_a_loser(api, 1.0) == ["two"]
    detail = api.refused("wait_for_lock", "deadlock", request_id=younger.request_id)
    assert sorted(edges(detail["cycle"])) == [("one", "power"), ("two", "skeleton")]
    # It is told so as often as it asks, and is out of the queue.
    younger.is_refused("deadlock", SKELETON)
    assert queue(api, SKELETON) == []
    two.release(POWER)
    assert older.until("granted")["leases"][0]["resource_name"] == "power"


def test_in_a_cycle_of_three_that_forms_later_the_youngest_loses(
    api: Api, make: Make, transactions: Transactions
) -> None:
    for name, resource in (("one", SKELETON), ("two", POWER), ("three", SHELL)):
        make(name).holds(resource)
    waiting = [
        transactions.wait("two", SHELL),
        transactions.wait("three", SKELETON),
        transactions.wait("one", POWER),
    ]
    transactions.commit()
    with polling(*waiting):
        assert wait_for_a_loser(api, 1.0) == ["one"]
        time.sleep(1.0)
        assert refused(api) == ["one"], "one loser is enough"


def test_a_cycle_that_a_hand_over_closes_is_found_within_a_second(api: Api, make: Make) -> None:
    """two has the higher priority at power, and waits for what one holds."""
    make("one").holds(SKELETON)
    three = make("three").holds(POWER)
    first = make("one").waits(POWER)
    make("two").waits(POWER, priority=1)
    youngest = make("two").waits(SKELETON)
    three.release(POWER)
    assert holder(api, POWER) == "two"
    with polling(first, youngest):
        assert wait_for_a_loser(api, 1.0) == ["two"]
    detail = api.refused("wait_for_lock", "deadlock", request_id=youngest.request_id)
    assert first.poll()["state"] == "waiting"
    (logged,) = api.rows("agent_activity_logs", activity="eq.lock_refused")
    assert (logged["agent_name"], logged["execution_id"]) == ("two", "two")
    assert logged["details"] == {"reason": "deadlock", "cycle": detail["cycle"]}


def test_a_wait_that_is_refused_when_it_begins_leaves_nothing_behind_and_no_log(
    api: Api, make: Make
) -> None:
    one, two = make("one").holds(SKELETON), make("two").holds(POWER)
    one.again().waits(POWER)
    before = api.rows("agent_activity_logs")
    two.again().is_refused("deadlock", SKELETON)
    assert queue(api, SKELETON) == []
    assert api.rows("agent_activity_logs") == before


def test_whoever_lost_may_cancel_and_ask_again(
    api: Api, make: Make, transactions: Transactions
) -> None:
    make("one").holds(SKELETON)
    two = make("two").holds(POWER)
    older = transactions.wait("one", POWER)
    younger = transactions.wait("two", SKELETON)
    transactions.commit()
    with polling(older, younger):
        wait_for_a_loser(api, 1.0)
    younger.cancel()
    two.release(POWER)
    assert two.again().ask(SKELETON) == []
    assert older.until("granted")
