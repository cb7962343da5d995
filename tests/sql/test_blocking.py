"""Conflicts that block: who is blocked, by what, waiting for the end, and checkouts meanwhile."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from tests.sql.mutations import MUTATION_BY_NAME
from tests.sql.support import Api, Row
from tests.sql.test_conflicts import log, resolve

NAMES = ("power", "power_agent", "power_designer")
AGENT = {"agent_name": "skeleton_agent"}
CHECKOUT = {"subsystem": "skeleton", **AGENT, "execution_id": "run-1"}


def blocked(api: Api, agent_name: str = "power_agent") -> list[int]:
    """The numbers of the conflicts that block an agent; is_blocked must agree."""
    found = [row["conflict_id"] for row in api.do("blocked_by", agent_name=agent_name)]
    assert api.do("is_blocked", agent_name=agent_name) is bool(found)
    return found


def wait(api: Api, agent_name: str = "power_agent") -> Row:
    answer: Row = api.do("wait_until_unblocked", agent_name=agent_name)
    return answer


# Who is blocked


def test_an_agent_is_blocked_under_any_name_of_its_subsystem(api: Api) -> None:
    numbers = [log(api, blocks=["shell_agent", named])["conflict_id"] for named in NAMES]
    for asking in NAMES:
        assert blocked(api, asking) == numbers, asking


@pytest.mark.parametrize(
    "asking", ["shell_agent", "powertrain_agent", "power_agent_agent", "agent"]
)
def test_a_conflict_does_not_block_agents_that_it_does_not_name(api: Api, asking: str) -> None:
    log(api, blocks=["power_agent"])
    assert blocked(api, asking) == []


def test_a_newer_report_replaces_the_blocked_agents(api: Api) -> None:
    log(api, conflict_key="k", blocks=["power_agent"])
    log(api, conflict_key="k", blocks=["shell_agent"])
    assert (blocked(api), blocked(api, "shell_agent")) == ([], [1])


@pytest.mark.parametrize("function", ["is_blocked", "blocked_by", "wait_until_unblocked"])
@pytest.mark.parametrize("name", ["", "a ", "x" * 129, None])
def test_an_invalid_agent_name_is_an_error_and_not_an_agent_that_is_free(
    api: Api, function: str, name: Any
) -> None:
    detail = api.refused(function, "invalid_argument", agent_name=name)
    assert detail["argument"] == "agent_name"


# Waiting


def test_a_wait_of_an_agent_that_is_not_blocked_ends_at_once(api: Api) -> None:
    assert wait(api) == {"blocked": False, "conflicts": [], "retry_ms": 0}


def blocked_for(api: Api, conflict_id: int, seconds: float) -> None:
    """As if a conflict had been open for so long."""
    api.sql(
        "update conflicts set created_at = clock_timestamp() - %s * interval '1 second' "
        "where workspace = %s and conflict_id = %s",
        seconds,
        api.workspace,
        conflict_id,
    )


def test_a_blocked_agent_is_told_its_conflicts_and_when_to_ask_again(api: Api) -> None:
    row = log(api, blocks=["power_agent"])
    answer = wait(api)
    assert (answer["blocked"], answer["conflicts"]) == (True, [row])
    assert answer["retry_ms"] >= 50


@pytest.mark.parametrize(("seconds", "retry_ms"), [(0.8, 80), (4, 400), (9, 900), (3600, 2000)])
def test_a_blocked_agent_asks_again_after_a_tenth_of_the_time_it_has_been_blocked(
    api: Api, seconds: float, retry_ms: int
) -> None:
    log(api, blocks=["power_agent"])
    blocked_for(api, 1, seconds)
    assert retry_ms <= wait(api)["retry_ms"] < max(retry_ms + 1, 1.5 * retry_ms)


def test_a_further_conflict_does_not_make_a_blocked_agent_ask_more_often(api: Api) -> None:
    log(api, blocks=["power_agent"])
    blocked_for(api, 1, 3600)
    log(api, blocks=["power_agent"], description="another")
    assert wait(api)["retry_ms"] == 2000


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
