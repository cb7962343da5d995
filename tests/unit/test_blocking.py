"""Waiting until nothing blocks: what is asked when, with a clock of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import respx

from sharedstate import AsyncSharedState, Blocked, SharedState, errors

CONFLICT = {"conflict_id": 3, "severity": "critical"}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch, client: SharedState) -> list[float]:
    """Each pause of `client` as it is asked for; the clock goes on by that time alone."""
    made: list[float] = []
    clock = SimpleNamespace(now=lambda: 1000.0 + sum(made))
    monkeypatch.setattr("sharedstate._sync.conflicts._clock", clock)
    monkeypatch.setattr(client, "_pause", made.append)
    return made


def test_without_a_timeout_it_asks_as_long_as_it_takes(
    client: SharedState, service: respx.MockRouter, pauses: list[float]
) -> None:
    service.post("rpc/wait_until_unblocked").mock(side_effect=answers(*[True] * 50, False))
    assert client.wait_until_unblocked("power_agent")
    assert len(pauses) == 50
    assert all(0.001 <= pause_s <= 0.0012 for pause_s in pauses)


def test_no_pause_is_longer_than_what_is_left_and_one_look_follows_it(
    client: SharedState, service: respx.MockRouter, pauses: list[float]
) -> None:
    blocked = httpx.Response(200, json={"blocked": True, "conflicts": [], "retry_ms": 500})
    route = service.post("rpc/wait_until_unblocked").mock(return_value=blocked)
    assert not client.wait_until_unblocked("power_agent", timeout=0.75)
    assert sum(pauses) == pytest.approx(0.75)
    assert len(route.calls) == len(pauses) + 1 == 3


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", []])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(
    client: SharedState, timeout: Any
) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        client.wait_until_unblocked("power_agent", timeout)
    assert caught.value.detail["argument"] == "timeout"


def answers(*blocked: bool) -> Iterator[httpx.Response]:
    for is_blocked in blocked:
        conflicts = [CONFLICT] if is_blocked else []
        yield httpx.Response(
            200, json={"blocked": is_blocked, "conflicts": conflicts, "retry_ms": 1}
        )


def test_a_blocked_agent_asks_until_it_is_free(
    client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/wait_until_unblocked")
    route.mock(side_effect=answers(True, True, False))
    assert client.wait_until_unblocked("power_agent") is True
    sent = [json.loads(call.request.content) for call in route.calls]
    assert sent == [{"agent_name": "power_agent"}] * 3


def test_a_blocked_agent_gives_up_after_its_timeout(
    client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/wait_until_unblocked")
    route.mock(side_effect=answers(True))
    assert client.wait_until_unblocked("power_agent", timeout=0) is False
    assert len(route.calls) == 1


def test_the_async_client_waits_until_unblocked_too(service: respx.MockRouter) -> None:
    service.post("rpc/wait_until_unblocked").mock(side_effect=answers(True, False, True))

    async def wait() -> list[bool]:
        async with AsyncSharedState("my-run", url="http://service.test", key="opaque") as state:
            return [
                await state.wait_until_unblocked("power_agent"),
                await state.wait_until_unblocked("power_agent", timeout=0),
            ]

    assert asyncio.run(wait()) == [True, False]


def test_a_blocked_checkout_is_false_and_has_its_conflicts() -> None:
    blocked = Blocked([CONFLICT])  # type: ignore[list-item]
    assert not blocked
    assert blocked.conflicts[0]["conflict_id"] == 3


def test_a_blocked_checkout_leaves_no_token_behind(
    client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/checkout_subsystem").respond(json=[{"lease": None, "blocked_by": [CONFLICT]}])
    assert client.checkout_subsystem("power", "power_agent") == Blocked([CONFLICT])  # type: ignore[list-item]
    with pytest.raises(errors.InvalidArgument, match="no lease of subsystem power"):
        client.checkin_subsystem("power", "power_agent")
