"""The end of an execution, or of a session of several: what they held and waited for is free."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sql.support import Api, Row
from tests.sql.waiting import POWER, SHELL, SKELETON, Client, Make, holder, queue

from sharedstate_ops.stack.keys import make_token

MAIN, OTHER = "cc:7:main", "cc:7:other"
SESSION = "cc:7:"


def release(api: Api, execution_id: str, **more: Any) -> Row:
    answer: Row = api.do("release_execution", execution_id=execution_id, **more)
    return answer


def reserve(api: Api, name: str, mass_kg: float = 0.5, **more: Any) -> Row:
    (row,) = api.do(
        "reserve_budget",
        subsystem="reserve",
        agent_name=name,
        execution_id=name,
        mass_kg=mass_kg,
        **more,
    )
    held: Row = row
    return held


def test_it_ends_leases_waits_and_reservations_and_answers_what_it_ended(
    api: Api, make: Make
) -> None:
    make("holder").holds(POWER)
    make(MAIN).holds(SKELETON, SHELL)
    leases = api.rows("agent_locks", locked_by=f"eq.{MAIN}", order="resource_name")
    waiting = make(MAIN).waits(POWER)
    held = reserve(api, MAIN)
    answer = release(api, MAIN)
    assert (answer["leases"], answer["reservations"]) == (leases, [held])
    (place,) = answer["waits"]
    assert (place["resource_name"], place["request_id"]) == ("power", waiting.request_id)
    assert (place["agent_name"], place["position"]) == (MAIN, 1)
    assert holder(api) is None and holder(api, POWER) == "holder" and queue(api, POWER) == []
    assert api.rows("budget_reservations") == []
    assert waiting.poll()["state"] == "gone"


def test_it_ends_nothing_twice_and_nothing_of_others(api: Api, make: Make) -> None:
    make("holder").holds(SKELETON)
    make("waiter").waits(SKELETON)
    reserve(api, "holder")
    before = api.snapshot()
    for execution_id in ("nobody", "hold", "holder2", "holder:", "%:", "_older"):
        assert release(api, execution_id) == {"leases": [], "waits": [], "reservations": []}
    assert api.snapshot() == before and queue(api) == ["waiter"]


def test_a_text_that_ends_in_a_colon_ends_all_executions_that_begin_with_it(
    api: Api, make: Make
) -> None:
    make(MAIN).holds(SKELETON)
    make("cc:70:main").holds(POWER)
    make(OTHER).waits(SKELETON)
    make("cc:7").holds(SHELL)
    make("cc:7").waits(SKELETON)
    reserve(api, "cc:7:third")
    answer = release(api, SESSION)
    assert [lease["execution_id"] for lease in answer["leases"]] == [MAIN]
    assert [place["execution_id"] for place in answer["waits"]] == [OTHER]
    assert [row["execution_id"] for row in answer["reservations"]] == ["cc:7:third"]
    assert [holder(api, each) for each in (SKELETON, POWER, SHELL)] == [
        "cc:7",
        "cc:70:main",
        "cc:7",
    ]


def test_what_it_held_goes_to_the_next_in_line_and_not_to_the_same_session(
    api: Api, make: Make
) -> None:
    make(MAIN).holds(SKELETON, POWER)
    make(OTHER).waits(SKELETON)
    make("next").waits(SKELETON, POWER)
    release(api, SESSION)
    assert (holder(api), holder(api, POWER), queue(api)) == ("next", "next", [])


@pytest.mark.parametrize("before", ["waiting", "handed over", "granted", "silent"])
def test_an_acquire_call_that_comes_late_gets_nothing(api: Api, make: Make, before: str) -> None:
    client = make(MAIN)
    if before == "granted":
        client.holds(SKELETON)
    else:
        first = make("holder").holds(SKELETON)
        client.waits(SKELETON)
        if before == "handed over":
            first.release()
        elif before == "silent":
            api.sql(
                "update core.lock_tickets set alive_until = '-infinity' where workspace = %s",
                api.workspace,
            )
    left = [row for row in api.rows("agent_locks") if row["locked_by"] != MAIN]
    release(api, MAIN)
    assert client.ask(SKELETON) == []
    assert client.poll()["state"] == "gone"
    assert (queue(api), api.rows("agent_locks")) == ([], left)
    client.cancel()
    assert client.ask(SKELETON) == []
    client.is_refused("request_id_reused", SKELETON, ttl_seconds=5)


def test_the_execution_may_begin_anew(api: Api, make: Make) -> None:
    make(MAIN).holds(SKELETON)
    release(api, MAIN)
    make(MAIN).holds(SKELETON)
    assert holder(api) == MAIN


def test_a_write_with_a_token_of_the_ended_execution_is_refused(api: Api, make: Make) -> None:
    make(MAIN).holds(SKELETON)
    release(api, MAIN)
    status = {"subsystem": "skeleton", "status": {"state": "late"}, "execution_id": MAIN}
    api.refused("update_subsystem_status", "lease_lost", **status, fencing_token=1)


def test_repeating_it_spares_what_the_execution_has_taken_since(api: Api, make: Make) -> None:
    request = {"request_id": make(MAIN).holds(SKELETON).again().request_id}
    first = release(api, MAIN, **request)
    make(MAIN).holds(SKELETON)
    reserve(api, MAIN)
    assert release(api, MAIN, **request) == first
    assert holder(api) == MAIN
    assert len(api.rows("budget_reservations")) == 1


def test_a_key_that_names_its_agent_ends_only_what_is_that_agents(api: Api, make: Make) -> None:
    run = {"execution_id": MAIN}
    mine, theirs = ({"agent_name": name, **run} for name in ("skeleton_agent", "power_agent"))
    for agent, resource in ((mine, SKELETON), (theirs, POWER)):
        Client(api, MAIN).holds(resource, **agent)
        api.do("reserve_budget", subsystem="reserve", mass_kg=0.5, **agent)
    waits = [Client(api, MAIN).waits(SKELETON, **agent).request_id for agent in (mine, theirs)]
    key = make_token(api.stack.jwt_secret, "authenticated", agent="skeleton_agent", ttl=60)
    answer = release(api, MAIN, key=key)
    assert [lease["locked_by"] for lease in answer["leases"]] == ["skeleton_agent"]
    assert [place["request_id"] for place in answer["waits"]] == waits[:1]
    assert [row["agent_name"] for row in answer["reservations"]] == ["skeleton_agent"]
    assert (holder(api), holder(api, POWER)) == ("power_agent", "power_agent")
    assert [row["agent_name"] for row in api.rows("budget_reservations")] == ["power_agent"]


def test_what_has_lapsed_is_not_told_of_as_ended(api: Api, make: Make) -> None:
    make(MAIN).holds(SKELETON)
    reserve(api, MAIN)
    api.lapse(api.rows("agent_locks")[0])
    api.sql(
        "update budget_reservations set expires_at = clock_timestamp() where workspace = %s",
        api.workspace,
    )
    assert release(api, MAIN) == {"leases": [], "waits": [], "reservations": []}


def test_a_reservation_that_is_tied_to_an_ended_lease_is_told_of(api: Api, make: Make) -> None:
    make(MAIN).holds(SKELETON)
    held = reserve(api, MAIN, fencing_token=1, locked_subsystem="skeleton")
    assert release(api, MAIN)["reservations"] == [held]
    (entry,) = api.log("budget_released")
    assert (entry["agent_name"], entry["execution_id"]) == (MAIN, MAIN)
    assert entry["details"]["reservation_id"] == held["reservation_id"]


def test_a_session_in_another_workspace_goes_on(api: Api, new_workspace: Any) -> None:
    other = new_workspace()
    for one in (api, other):
        Client(one, MAIN).holds(SKELETON)
    release(api, SESSION)
    assert (holder(api), holder(other)) == (None, MAIN)
