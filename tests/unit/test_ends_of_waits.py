"""A call that belongs to a wait ends with it, whatever the service does; others need not."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import respx

from sharedstate import AsyncSharedState, SharedState, errors

Wait = Callable[[str, float], object]


def _lock(url: str, seconds: float) -> object:
    with SharedState(url=url, key="key") as state:
        return state.lock("door", "narrow", "agent").acquire(timeout=seconds)


def _acquire_lock(url: str, seconds: float) -> object:
    with SharedState(url=url, key="key") as state:
        return state.acquire_lock("door", "narrow", "agent", wait_seconds=seconds)


def _unblocked(url: str, seconds: float) -> object:
    with SharedState(url=url, key="key") as state:
        return state.wait_until_unblocked("agent", timeout=seconds)


def _entry(url: str, seconds: float) -> object:
    with SharedState(url=url, key="key") as state:
        return next(state.follow_activity("agent", timeout=seconds))


def _async_lock(url: str, seconds: float) -> object:
    async def acquire() -> bool:
        async with AsyncSharedState(url=url, key="key") as state:
            return await state.lock("door", "narrow", "agent").acquire(timeout=seconds)

    return asyncio.run(acquire())


LOCKS = [_lock, _acquire_lock, _async_lock]
WAITS = [*LOCKS, _unblocked, _entry]


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is added to the time of a wait is a fifth of a second instead of some seconds."""
    monkeypatch.setattr("sharedstate._sending.GRACE_S", 0.1)
    monkeypatch.setattr("sharedstate._background.SETTLE_S", 0.1)
    monkeypatch.setattr("sharedstate._running.SETTLE_S", 0.1)


def _fails_within(seconds: float, wait: Wait, url: str) -> type[BaseException]:
    began = time.monotonic()
    with pytest.raises(errors.SharedStateError) as caught:
        wait(url, 0.2)
    assert time.monotonic() - began < seconds
    return caught.type


@pytest.mark.parametrize("wait", WAITS)
def test_a_wait_ends_soon_after_its_time_though_nobody_answers(wait: Wait, silent: str) -> None:
    # Else it is 15 s, and tried again; the rest is for a busy machine.
    end = _fails_within(10, wait, silent)
    assert end is (errors.OutcomeUnknown if wait in LOCKS else errors.ServiceUnavailable)


@pytest.mark.parametrize("wait", WAITS)
def test_a_wait_ends_with_its_time_though_nobody_listens(wait: Wait) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert _fails_within(10, wait, url) is errors.ServiceUnavailable


@pytest.mark.parametrize(
    ("left_s", "read_s"), [(-5.0, 0.1), (0.0, 0.1), (1.0, 1.1), (60.0, 15.0), (math.inf, 15.0)]
)
def test_an_answer_may_come_a_little_after_the_end_but_not_later_than_any_other(
    left_s: float, read_s: float, service: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = service.post("rpc/health").respond(json={"status": "ok"})
    monkeypatch.setattr("sharedstate._sending._clock", SimpleNamespace(now=lambda: 100.0))
    with SharedState(url="http://service.test", key="key") as state:
        state._rpc("health", {}, dict, until=100.0 + left_s)
    timeout: dict[str, Any] = route.calls.last.request.extensions["timeout"]
    assert timeout["read"] == pytest.approx(read_s)
    assert timeout["connect"] <= timeout["read"]
