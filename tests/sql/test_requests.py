"""Request ids: a repeated call answers as the first time and does nothing twice."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.sql.mutations import ABOUT_REQUESTS, MUTATION_BY_NAME, MUTATIONS, Mutation
from tests.sql.support import Answer, Api, Row


@pytest.fixture
def request_id() -> str:
    return str(uuid.uuid4())


def test_every_mutating_function_takes_a_request_id_and_is_tested_here(api: Api) -> None:
    found = api.sql(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace "
        "and 'request_id' = any(proargnames) and prokind = 'f'"
    )
    about_requests = {call.name for call in ABOUT_REQUESTS}
    assert {name for (name,) in found} - about_requests == {one.name for one in MUTATIONS}
    # What writes without one: repeating it is harmless.
    writing = api.sql(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace "
        "and not 'request_id' = any(coalesce(proargnames, '{}')) and provolatile = 'v' order by 1"
    )
    assert writing == [("cleanup_expired_locks",)]


def test_the_same_id_again_answers_the_same_and_changes_nothing(
    api: Api, mutation: Mutation, request_id: str
) -> None:
    arguments = {**mutation.ready(api), "request_id": request_id}
    first = api.do(mutation.name, key=mutation.key(api), **arguments)
    after = api.snapshot()
    for _ in range(3):
        assert api.do(mutation.name, key=mutation.key(api), **arguments) == first
    assert api.snapshot() == after


def test_the_same_id_with_other_arguments_is_refused(
    api: Api, mutation: Mutation, request_id: str
) -> None:
    arguments = {**mutation.ready(api), "request_id": request_id}
    key = mutation.key(api)
    api.do(mutation.name, key=key, **arguments)
    after = api.snapshot()
    detail = api.refused(
        mutation.name, "request_id_reused", key=key, **{**arguments, **mutation.other}
    )
    assert detail["request_id"] == request_id
    assert api.snapshot() == after


def test_the_same_id_for_another_function_is_refused(
    api: Api, mutation: Mutation, request_id: str
) -> None:
    api.do("log_agent_activity", agent_name="a", activity="first", request_id=request_id)
    if mutation.name == "log_agent_activity":
        mutation = MUTATION_BY_NAME["log_conflict"]
    arguments = mutation.ready(api)
    before = api.snapshot()
    detail = api.refused(
        mutation.name,
        "request_id_reused",
        key=mutation.key(api),
        **arguments,
        request_id=request_id,
    )
    assert detail["first_used_by"] == "log_agent_activity"
    assert api.snapshot() == before


def test_eight_calls_with_one_id_at_once_have_one_effect(
    api: Api, mutation: Mutation, request_id: str
) -> None:
    arguments = {**mutation.ready(api), "request_id": request_id}
    entries = len(api.log())
    start = threading.Barrier(8)

    def call(_: int) -> Answer:
        start.wait()
        return api.call(mutation.name, key=mutation.key(api), **arguments)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))
    assert answers == [answers[0]] * 8
    assert answers[0][0] == 200
    assert len(api.log()) - entries <= 1
    assert api.do(mutation.name, key=mutation.key(api), **arguments) == answers[0][1]


def test_without_an_id_every_call_counts(api: Api) -> None:
    arguments = MUTATION_BY_NAME["update_subsystem_design"].arguments
    versions = [api.do("update_subsystem_design", **arguments)["version"] for _ in range(2)]
    assert versions == [1, 2]


def acquire(api: Api, **arguments: Any) -> list[Row]:
    granted: list[Row] = api.do(
        "acquire_lock", **{**MUTATION_BY_NAME["acquire_lock"].arguments, **arguments}
    )
    return granted


def test_a_refused_acquire_is_not_remembered(api: Api, request_id: str) -> None:
    lease = api.lock(agent_name="power_agent", execution_id="run-2")
    assert acquire(api, request_id=request_id) == []
    api.lapse(lease)
    assert acquire(api, request_id=request_id)[0]["locked_by"] == "skeleton_agent"


def test_an_acquire_is_known_by_its_id_and_not_by_the_agents_name(
    api: Api, request_id: str
) -> None:
    granted = acquire(api, request_id=request_id)
    assert acquire(api, request_id=str(uuid.uuid4())) == []
    assert acquire(api, request_id=request_id) == granted


def test_a_failed_call_is_not_remembered(api: Api, request_id: str) -> None:
    arguments = {**MUTATION_BY_NAME["update_subsystem_status"].arguments, "request_id": request_id}
    lease = api.lock("skeleton", "power_agent", "run-2")
    api.refused("update_subsystem_status", "resource_locked", **arguments)
    api.lapse(lease)
    assert api.do("update_subsystem_status", **arguments)["version"] == 2


def test_a_repetition_answers_as_the_first_time_although_the_lease_has_ended_since(
    api: Api, request_id: str
) -> None:
    lease = api.lock()
    arguments = {
        **MUTATION_BY_NAME["checkin_subsystem"].arguments,
        "fencing_token": lease["fencing_token"],
        "request_id": request_id,
    }
    first = api.do("checkin_subsystem", **arguments)
    api.lock("skeleton", "power_agent", "run-2")
    assert api.do("checkin_subsystem", **arguments) == first


def test_the_order_of_json_keys_does_not_make_it_another_call(api: Api, request_id: str) -> None:
    def update(status: Row) -> Row:
        row: Row = api.do(
            "update_subsystem_status",
            subsystem="skeleton",
            status=status,
            execution_id="run-1",
            request_id=request_id,
        )
        return row

    assert update({"a": 1, "b": {"c": 2, "d": 3}}) == update({"b": {"d": 3, "c": 2}, "a": 1})


def test_each_workspace_knows_its_own_requests(
    api: Api, new_workspace: Callable[[], Api], request_id: str
) -> None:
    arguments = MUTATION_BY_NAME["log_conflict"].arguments
    other = new_workspace()
    for one in (api, other):
        row = one.do("log_conflict", **arguments, request_id=request_id)
        assert (row["workspace"], row["conflict_id"]) == (one.workspace, 1)


def test_requests_older_than_a_day_are_forgotten(api: Api, request_id: str) -> None:
    for number in range(3):
        api.do("log_agent_activity", agent_name="a", activity=str(number), request_id=request_id)
        request_id = str(uuid.uuid4())
    kept = api.sql("select count(*) from core.requests where workspace = %s", api.workspace)
    api.sql(
        "update core.requests set created_at = created_at - interval '25 hours' "
        "where request_id in (select request_id from core.requests where workspace = %s limit 2)",
        api.workspace,
    )
    api.sql("select core.forget_old_requests()")
    left = api.sql("select count(*) from core.requests where workspace = %s", api.workspace)
    assert (kept, left) == ([(3,)], [(1,)])


def test_a_lease_that_has_ended_is_not_shown_again_to_a_repeated_call(
    api: Api, request_id: str
) -> None:
    call = {
        "resource_type": "subsystem",
        "resource_name": "skeleton",
        "agent_name": "skeleton_agent",
        "execution_id": "first",
        "request_id": request_id,
    }
    (lease,) = api.do("acquire_lock", **call)
    assert api.do("acquire_lock", **call) == [lease]
    api.operate(
        "force_release_lock",
        resource_type="subsystem",
        resource_name="skeleton",
        released_by="operator",
        reason="test",
    )
    assert api.do("acquire_lock", **call) == []
    (other,) = api.do("acquire_lock", **{**call, "execution_id": "x", "request_id": None})
    assert other["fencing_token"] > lease["fencing_token"]
    assert api.do("acquire_lock", **call) == []


def test_repeating_a_forced_release_of_a_free_lock_spares_the_lease_that_came_after(
    api: Api, request_id: str
) -> None:
    call = {
        "resource_type": "subsystem",
        "resource_name": "skeleton",
        "released_by": "operator",
        "reason": "test",
        "request_id": request_id,
    }
    assert api.operate("force_release_lock", **call) == []
    lease = api.lock("skeleton")
    assert api.operate("force_release_lock", **call) == []
    assert [row["fencing_token"] for row in api.rows("agent_locks")] == [lease["fencing_token"]]


def test_repeating_a_release_that_found_nothing_spares_the_lease_that_came_after(
    api: Api, request_id: str
) -> None:
    call = {
        "resource_type": "subsystem",
        "resource_name": "skeleton",
        "execution_id": "skeleton-run",
        "request_id": request_id,
    }
    assert api.do("release_lock", **call) == []
    lease = api.lock("skeleton", execution_id="skeleton-run")
    assert api.do("release_lock", **call) == []
    assert [row["fencing_token"] for row in api.rows("agent_locks")] == [lease["fencing_token"]]


def test_repeating_a_release_of_a_lapsed_lease_spares_the_lease_that_came_after(
    api: Api, request_id: str
) -> None:
    api.lapse(api.lock("skeleton", execution_id="skeleton-run"))
    call = {
        "resource_type": "subsystem",
        "resource_name": "skeleton",
        "execution_id": "skeleton-run",
        "request_id": request_id,
    }
    assert api.do("release_lock", **call) == []
    lease = api.lock("skeleton", execution_id="skeleton-run")
    assert api.do("release_lock", **call) == []
    assert [row["fencing_token"] for row in api.rows("agent_locks")] == [lease["fencing_token"]]


def test_repeating_a_reservation_that_was_refused_holds_nothing_later(
    api: Api, request_id: str
) -> None:
    mine = {"subsystem": "reserve", "agent_name": "a", "execution_id": "a", "mass_kg": 2}
    theirs = {**mine, "agent_name": "b", "execution_id": "b"}
    (held,) = api.do("reserve_budget", **theirs)
    assert api.do("reserve_budget", **mine, request_id=request_id) == []
    release = {"reservation_id": held["reservation_id"], "execution_id": "b"}
    assert len(api.do("release_budget", **release)) == 1
    assert api.do("reserve_budget", **mine, request_id=request_id) == []
    assert api.rows("budget_reservations") == []


def test_a_request_for_a_lock_is_forgotten_a_day_after_its_client_was_last_heard_of(
    api: Api, request_id: str
) -> None:
    api.lock("skeleton")
    waiting = {"agent_name": "b", "execution_id": "b", "wait_seconds": 60}
    lock = {"resource_type": "subsystem", "resource_name": "skeleton"}
    for one in (request_id, str(uuid.uuid4())):
        assert api.do("acquire_lock", **lock, **waiting, request_id=one) == []
    api.sql(
        "update core.lock_tickets set alive_until = alive_until - interval '25 hours' "
        "where request_id = %s",
        request_id,
    )
    api.sql("select core.forget_old_requests()")
    left = "select count(*), bool_or(request_id = %s) from core.lock_tickets where workspace = %s"
    assert api.sql(left, request_id, api.workspace) == [(1, False)]
