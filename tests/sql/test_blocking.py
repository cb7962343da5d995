"""Conflicts that block: who is blocked, by what, waiting for the end, and checkouts meanwhile."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from tests.sql.support import MUTATION_BY_NAME, Api, Row
from tests.sql.test_conflicts import log, resolve

NAMES = ("power", "power_agent", "power_designer")
AGENT = {"agent_name": "skeleton_agent"}
CHECKOUT = {"subsystem": "skeleton", **AGENT, "execution_id": "run-1"}
PARKING = 1936220787  # the class of the advisory locks that are parking slots


def blocked(api: Api, agent_name: str = "power_agent") -> list[int]:
    """The numbers of the conflicts that block an agent; is_blocked must agree."""
    found = [row["conflict_id"] for row in api.do("blocked_by", agent_name=agent_name)]
    assert api.do("is_blocked", agent_name=agent_name) is bool(found)
    return found


def wait(api: Api, agent_name: str = "power_agent", **arguments: Any) -> Row:
    answer: Row = api.do("wait_until_unblocked", agent_name=agent_name, **arguments)
    return answer


# Who is blocked


@pytest.mark.parametrize("named", NAMES)
@pytest.mark.parametrize("asking", NAMES)
def test_an_agent_is_blocked_under_any_name_of_its_subsystem(
    api: Api, named: str, asking: str
) -> None:
    log(api, blocks=["shell_agent", named])
    assert blocked(api, asking) == [1]


@pytest.mark.parametrize(
    "asking", ["shell_agent", "powertrain_agent", "power_agent_agent", "agent"]
)
def test_nobody_else_is_blocked(api: Api, asking: str) -> None:
    log(api, blocks=["power_agent"])
    assert blocked(api, asking) == []


def test_a_name_that_only_looks_like_one_of_a_subsystem_is_not_blocked(api: Api) -> None:
    """a_agent_agent works on a_agent, a_agent on a."""
    log(api, blocks=["power_agent_agent"])
    assert blocked(api, "power_agent") == []
    assert blocked(api, "power_agent_designer") == [1]


def test_source_and_target_of_a_conflict_are_not_blocked_by_it(api: Api) -> None:
    log(api, blocks=["power_agent"])
    assert blocked(api, "actuation_agent") == blocked(api, "system_architect") == []


def test_what_blocks_comes_by_priority_severity_and_number(api: Api) -> None:
    wanted = [(1, "low"), (2, "critical"), (2, "high"), (2, "medium"), (2, "medium"), (4, "low")]
    for priority, severity in reversed(wanted):
        log(api, priority=priority, severity=severity, blocks=["power_agent"])
    log(api, priority=1, blocks=["shell_agent"])
    assert blocked(api) == [6, 5, 4, 2, 3, 1]


def test_an_agent_is_free_when_the_last_of_its_conflicts_is_resolved(api: Api) -> None:
    for _ in range(2):
        log(api, blocks=["power_agent"])
    resolve(api, 1)
    assert blocked(api) == [2]
    resolve(api, 2)
    assert blocked(api) == []


def test_a_newer_report_blocks_whom_it_names(api: Api) -> None:
    log(api, conflict_key="k", blocks=["power_agent"])
    log(api, conflict_key="k", blocks=["shell_agent"])
    assert (blocked(api), blocked(api, "shell_agent")) == ([], [1])


def test_agents_of_other_workspaces_are_not_blocked(api: Api, new_workspace: Any) -> None:
    log(api, blocks=["power_agent"])
    assert blocked(new_workspace()) == []


@pytest.mark.parametrize("function", ["is_blocked", "blocked_by", "wait_until_unblocked"])
@pytest.mark.parametrize("name", ["", "a b", "x" * 129, None])
def test_asking_for_an_impossible_agent_is_an_error_and_not_a_free_one(
    api: Api, function: str, name: Any
) -> None:
    detail = api.refused(function, "invalid_argument", agent_name=name)
    assert detail["argument"] == "agent_name"


# Waiting


def test_waiting_of_an_agent_that_is_free_ends_at_once(api: Api) -> None:
    assert wait(api) == {"blocked": False, "conflicts": [], "retry_ms": 0}


def test_a_look_without_waiting_tells_what_blocks_and_when_to_ask_again(api: Api) -> None:
    row = log(api, blocks=["power_agent"])
    assert wait(api, wait_ms=0) == {"blocked": True, "conflicts": [row], "retry_ms": 20}


@pytest.mark.parametrize("wait_ms", [-1, 501, None, 2.5, "x"])
def test_a_wait_out_of_range_is_refused(api: Api, wait_ms: Any) -> None:
    status, answer = api.call("wait_until_unblocked", agent_name="a", wait_ms=wait_ms)
    assert (status, answer["code"] in ("PT400", "22P02", "22003")) == (400, True), answer


def asked(api: Api, seconds_ago: float, agents: int) -> None:
    """So many agents have asked whether they are still blocked, and are not parked."""
    api.sql(
        "insert into core.blocked_askers select %s, 'agent-' || n, "
        "clock_timestamp() - %s * interval '1 second' from generate_series(1, %s) as n",
        api.workspace,
        seconds_ago,
        agents,
    )


def askers(api: Api) -> list[str]:
    """Who is remembered to have asked."""
    found = api.sql(
        "select subsystem from core.blocked_askers where workspace = %s order by 1", api.workspace
    )
    return [name for (name,) in found]


@pytest.mark.parametrize(("agents", "retry_ms"), [(1, 20), (15, 20), (20, 25), (100, 125)])
def test_the_more_agents_ask_the_later_each_asks_again(
    api: Api, agents: int, retry_ms: int
) -> None:
    log(api, blocks=["power_agent"])
    asked(api, 0.0, agents - 1)
    assert wait(api, wait_ms=0)["retry_ms"] == retry_ms


def test_agents_that_are_blocked_and_do_not_ask_slow_nobody_down(api: Api) -> None:
    log(api, blocks=["power_agent", *(f"agent-{number}" for number in range(900))])
    asked(api, 2.0, 900)
    for _ in range(2):
        assert wait(api, wait_ms=0)["retry_ms"] == 20


def test_agents_that_ask_no_longer_are_forgotten(api: Api, new_workspace: Any) -> None:
    other = new_workspace()
    log(api, blocks=["power_agent"])
    for one in (api, other):
        asked(one, 61.0, 900)
    api.sql(
        "insert into core.blocked_askers values (%s, 'shell', clock_timestamp() - interval '59 s')",
        api.workspace,
    )
    wait(api, wait_ms=0)
    assert askers(api) == ["power", "shell"]
    assert len(askers(other)) == 900


def test_to_forget_waits_for_no_agent_that_asks_at_that_moment(api: Api) -> None:
    log(api, blocks=["power_agent"])
    asked(api, 61.0, 2)
    with psycopg.connect(api.stack.database_url) as connection:
        connection.execute(
            "update core.blocked_askers set asked_at = clock_timestamp() "
            "where workspace = %s and subsystem = 'agent-1'",
            [api.workspace],
        )
        wait(api, wait_ms=0)
    assert askers(api) == ["agent-1", "power"]


def test_an_agent_that_asks_under_several_names_counts_once(api: Api) -> None:
    log(api, blocks=["power_agent"])
    for name in NAMES:
        wait(api, name, wait_ms=0)
    assert askers(api) == ["power"]


def test_agents_that_ask_elsewhere_slow_nobody_down(api: Api, new_workspace: Any) -> None:
    asked(new_workspace(), 0.0, 400)
    log(api, blocks=["power_agent"])
    assert wait(api, wait_ms=0)["retry_ms"] == 20


def test_at_most_two_questions_a_second_are_asked_by_each_however_many_ask(api: Api) -> None:
    log(api, blocks=["power_agent"])
    asked(api, 0.0, 900)
    assert wait(api, wait_ms=0)["retry_ms"] == 500


def slots(api: Api) -> list[int]:
    """The parking slots that are taken now."""
    found = api.sql(
        "select objid::integer from pg_locks where locktype = 'advisory' and classid = %s "
        "and granted order by 1",
        PARKING,
    )
    return [number for (number,) in found]


def until_parked(api: Api) -> None:
    deadline = time.monotonic() + 20
    while not slots(api):
        assert time.monotonic() < deadline, "nobody was parked"


def test_a_call_that_is_parked_answers_when_the_conflict_is_resolved(api: Api) -> None:
    log(api, blocks=["power_agent"])
    with ThreadPoolExecutor(1) as pool:
        answered_while_blocked = 0
        # On a busy machine the half second may be over before the conflict is resolved.
        waiting = pool.submit(wait, api)
        until_parked(api)
        resolve(api, 1)
        while waiting.result()["blocked"]:
            answered_while_blocked += 1
            waiting = pool.submit(wait, api)
        assert answered_while_blocked <= 1


def test_a_parked_call_holds_no_row_and_reads_what_others_commit(api: Api) -> None:
    log(api, blocks=["power_agent"], conflict_key="k")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait, api)
        until_parked(api)
        row = log(api, blocks=["power_agent"], conflict_key="k", description="newer")
        answer = waiting.result()
        # It may have been answered just before.
        assert answer["conflicts"] in ([row], []) or answer["conflicts"][0]["reports"] == 1


@contextmanager
def taken(api: Api, *numbers: int) -> Iterator[None]:
    """Others are parked in these slots."""
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(api.stack.database_url))
        for number in numbers:
            connection.execute("select pg_advisory_xact_lock(%s, %s)", (PARKING, number))
        yield


def test_blocked_agents_leave_half_of_the_parking_slots_to_locks(api: Api) -> None:
    log(api, blocks=["power_agent"])
    ((many,),) = api.sql("select core.parking_slots()")
    half = many - many // 2
    for_locks, for_blocked = list(range(1, half + 1)), list(range(half + 1, many + 1))
    with taken(api, *for_blocked):
        # The first half is free, and stays so.
        assert wait(api)["retry_ms"] == 20
    with taken(api, *for_locks), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait, api)
        deadline = time.monotonic() + 20
        while (found := slots(api)) == for_locks and not waiting.done():
            assert time.monotonic() < deadline
        assert waiting.result()["blocked"]
        assert found in ([*for_locks, many], for_locks)
    assert slots(api) == []


# Checkout


def critical(api: Api, **more: Any) -> Row:
    return log(api, severity="critical", blocks=["skeleton_agent"], **more)


def test_a_critical_conflict_is_what_a_blocked_agent_checks_out_instead_of_the_lock(
    api: Api,
) -> None:
    second = critical(api)
    first = critical(api, priority=1)
    log(api, severity="high", priority=1, blocks=["skeleton_agent"])
    before = api.snapshot()
    (answer,) = api.do("checkout_subsystem", **CHECKOUT)
    assert answer["lease"] is None
    assert answer["blocked_by"] == [first, second]
    assert api.snapshot() == before


@pytest.mark.parametrize("severity", ["low", "medium", "high"])
def test_a_conflict_that_is_not_critical_lets_the_agent_check_out(api: Api, severity: str) -> None:
    row = log(api, severity=severity, blocks=["skeleton_agent"])
    (answer,) = api.do("checkout_subsystem", **CHECKOUT)
    assert answer["lease"]["locked_by"] == "skeleton_agent"
    assert (answer["blocked_by"], answer["conflicts"]) == ([], [row])


def test_a_critical_conflict_stops_only_whom_it_blocks(api: Api) -> None:
    log(api, severity="critical", source="skeleton_agent", blocks=["power_agent"])
    (answer,) = api.do("checkout_subsystem", **CHECKOUT)
    assert answer["lease"] is not None


def test_after_the_resolution_the_agent_checks_out(api: Api) -> None:
    critical(api)
    request_id = str(uuid.uuid4())
    assert api.do("checkout_subsystem", **CHECKOUT, request_id=request_id)[0]["lease"] is None
    resolve(api, 1)
    # Nothing was done under that id, so it is still good.
    (answer,) = api.do("checkout_subsystem", **CHECKOUT, request_id=request_id)
    assert answer["lease"]["request_id"] == request_id


def test_a_repeated_checkout_gets_its_lease_although_a_conflict_came_between(api: Api) -> None:
    """Else the lease would be held, and nobody would know."""
    request_id = str(uuid.uuid4())
    (first,) = api.do("checkout_subsystem", **CHECKOUT, request_id=request_id)
    critical(api)
    (again,) = api.do("checkout_subsystem", **CHECKOUT, request_id=request_id)
    assert (again["lease"], again["blocked_by"]) == (first["lease"], [])


def test_a_blocked_agent_may_check_in_what_it_had_checked_out(api: Api) -> None:
    lease = api.lock()
    critical(api)
    checkin = MUTATION_BY_NAME["checkin_subsystem"].arguments
    row = api.do("checkin_subsystem", **checkin, fencing_token=lease["fencing_token"])
    assert row["released"] is True


def test_the_name_in_a_blocked_checkout_is_checked_as_always(api: Api) -> None:
    critical(api)
    detail = api.refused("checkout_subsystem", "invalid_argument", **{**CHECKOUT, "agent_name": ""})
    assert detail["argument"] == "agent_name"
