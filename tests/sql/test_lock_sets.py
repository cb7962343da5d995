"""Several locks at once: all or nothing, also while they are waited for."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.sql.support import Api
from tests.sql.waiting import POWER, SHELL, SKELETON, Client, Make, holder, named, polling, queue


def test_a_free_set_is_granted_with_a_token_for_each_lock(api: Api, make: Make) -> None:
    make("other").holds(POWER).release(POWER)
    leases = make("client").ask(SKELETON, POWER, SHELL)
    assert [(lease["resource_name"], lease["fencing_token"]) for lease in leases] == [
        ("power", 2),
        ("shell", 1),
        ("skeleton", 1),
    ]
    assert leases == api.rows("agent_locks", order="resource_name")


@pytest.mark.parametrize("taken", [SKELETON, POWER, SHELL], ids=lambda one: one[1])
def test_no_lock_of_a_set_is_granted_if_one_is_held(
    api: Api, make: Make, taken: tuple[str, str]
) -> None:
    make("holder").holds(taken)
    before = api.rows("agent_locks")
    assert make("client").ask(SKELETON, POWER, SHELL, wait_seconds=0) == []
    assert api.rows("agent_locks") == before
    tokens = api.sql(
        "select max(last_token) from core.fencing_counters where workspace = %s", api.workspace
    )
    assert tokens == [(1,)]


def test_no_lock_of_a_set_is_granted_if_another_waiter_is_first_at_one(
    api: Api, make: Make
) -> None:
    make("holder").holds(SKELETON)
    make("waiter").waits(SKELETON)
    api.lapse(api.rows("agent_locks")[0])
    assert make("client").ask(SKELETON, POWER, wait_seconds=0) == []
    assert holder(api, POWER) is None


def test_a_set_that_waits_holds_nothing(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    make("client").waits(SKELETON, POWER)
    assert holder(api, POWER) is None
    assert queue(api, SKELETON) == queue(api, POWER) == ["client"]


def test_a_set_is_handed_over_whole_when_its_last_lock_becomes_free(api: Api, make: Make) -> None:
    one, two = make("one").holds(SKELETON), make("two").holds(POWER)
    client = make("client").waits(SKELETON, POWER, SHELL)
    one.release(SKELETON)
    assert (holder(api, SKELETON), holder(api, SHELL)) == (None, None)
    two.release(POWER)
    assert {holder(api, one) for one in (SKELETON, POWER, SHELL)} == {"client"}
    leases = client.poll()["leases"]
    assert [lease["provisional"] for lease in leases] == [True] * 3
    assert queue(api, SKELETON) == queue(api, POWER) == queue(api, SHELL) == []


ENDINGS: dict[str, Callable[[Api], object]] = {
    "DELETE in psql": lambda api: api.sql(
        "delete from agent_locks where workspace = %s and resource_name = 'power'", api.workspace
    ),
    "force_release_lock": lambda api: api.operate(
        "force_release_lock", **named(POWER), released_by="operator", reason="test"
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_set_that_lost_a_lock_before_it_was_heard_of_is_gone_and_gives_back_the_rest(
    api: Api, make: Make, ending: str
) -> None:
    first = make("holder").holds(SKELETON)
    client = make("client").waits(SKELETON, POWER, SHELL)
    make("next").waits(SHELL)
    first.release()
    ENDINGS[ending](api)
    answer = client.poll()
    assert (answer["state"], answer["leases"]) == ("gone", [])
    assert client.ask(SKELETON, POWER, SHELL) == []
    assert client.cancel() is True
    assert (holder(api, SKELETON), holder(api, POWER), holder(api, SHELL)) == (None, None, "next")


def test_a_set_in_line_keeps_its_turn_at_each_of_its_locks(api: Api, make: Make) -> None:
    """Otherwise it would starve: newcomers would take the free ones again and again."""
    one = make("one").holds(SKELETON)
    make("set").waits(SKELETON, POWER)
    late = make("late").waits(POWER)
    assert late.poll()["state"] == "waiting"
    one.release(SKELETON)
    assert holder(api, POWER) == "set"


def test_a_set_whose_end_frees_two_locks_serves_a_waiter_at_each(api: Api, make: Make) -> None:
    first = make("first").holds(SKELETON, POWER)
    make("one").waits(SKELETON)
    make("two").waits(POWER)
    first.cancel()
    assert (holder(api, SKELETON), holder(api, POWER)) == ("one", "two")


def test_two_locks_that_are_released_together_can_go_to_one_waiting_set(
    api: Api, make: Make
) -> None:
    first = make("first").holds(SKELETON, POWER)
    make("set").waits(SKELETON, POWER)
    make("next").waits(SKELETON)
    first.cancel()
    assert holder(api, SKELETON) == holder(api, POWER) == "set"
    assert queue(api, SKELETON) == ["next"]


def test_a_resource_named_twice_is_locked_once(api: Api, make: Make) -> None:
    leases = make("client").ask(SKELETON, POWER, SKELETON)
    assert [lease["resource_name"] for lease in leases] == ["power", "skeleton"]


def test_the_order_in_which_they_are_named_does_not_make_it_another_request(make: Make) -> None:
    client = make("client")
    assert client.ask(SKELETON, POWER) == client.ask(POWER, SKELETON) != []


def test_a_hundred_at_once_are_granted_and_one_more_is_refused(api: Api, make: Make) -> None:
    many = [("file", f"n{number}") for number in range(101)]
    make("client").is_refused("invalid_argument", *many)
    assert len(make("client").ask(*many[:100])) == 100


def test_sets_named_in_opposite_orders_do_not_deadlock_the_database(api: Api) -> None:
    resources = [("file", f"n{number}") for number in range(8)]

    def take(number: int) -> list[int]:
        dice = random.Random(number)
        outcomes = []
        for _ in range(12):
            order = dice.sample(resources, len(resources))
            client = Client(api, f"client-{number}")
            status, granted = api.call(
                "acquire_locks",
                resources=[named(one) for one in order],
                agent_name=client.name,
                execution_id=client.name,
                request_id=client.request_id,
            )
            outcomes.append(status)
            if status == 200 and granted:
                client.cancel()
        return outcomes

    with ThreadPoolExecutor(8) as pool:
        answers: list[Any] = [one for many in pool.map(take, range(8)) for one in many]
    assert set(answers) == {200}


def test_waiting_sets_in_opposite_orders_are_all_served(api: Api, make: Make) -> None:
    last = make("holder").holds(SKELETON, POWER)
    orders = [(SKELETON, POWER), (POWER, SKELETON)] * 3
    waiting = [make(f"set-{n}").waits(*order) for n, order in enumerate(orders)]
    with polling(*waiting):
        for client in waiting:
            last.cancel()
            assert {lease["locked_by"] for lease in client.until("granted")["leases"]} == {
                client.name
            }
            last = client
