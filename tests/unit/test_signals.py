"""A signal handler that interrupts a call never waits for what its own thread holds."""

from __future__ import annotations

import inspect
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

from sharedstate import SharedState, errors

if TYPE_CHECKING:
    from tests.unit.conftest import LocalServer

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """`handler` interrupts this thread after a millisecond of its work, at any place."""
    former = signal.signal(signal.SIGPROF, handler)
    signal.setitimer(signal.ITIMER_PROF, 0.001)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, former)


@contextmanager
def _interrupting(call: Callable[[], Any]) -> Iterator[None]:
    """`call` interrupts this thread again and again, and never itself."""

    def interrupt(*_: Any) -> None:
        call()
        signal.setitimer(signal.ITIMER_PROF, 0.001)

    with _handling(interrupt):
        yield


def test_a_handler_s_call_by_the_interrupted_client_works_or_says_what_to_do(
    shared: SharedState, local_server: LocalServer
) -> None:
    seen: set[str] = set()

    def call() -> None:
        try:
            shared.update_subsystem_status("skeleton", {})
            seen.add("done")
        except errors.ReentrantCall as problem:
            assert "only set a flag" in problem.hint
            seen.add("refused")

    ends = time.monotonic() + 20
    with shared, _interrupting(call):
        while len(seen) < 2 and time.monotonic() < ends:
            shared.update_subsystem_status("skeleton", {})
            sum(range(20_000))  # a place between two calls
    assert seen == {"done", "refused"}


def test_a_client_that_a_handler_makes_works(
    shared: SharedState, local_server: LocalServer
) -> None:
    done = 0

    def call() -> None:
        nonlocal done
        with SharedState("handler", url=local_server.url, key="key") as own:
            own.health()
        done += 1

    ends = time.monotonic() + 20
    with shared, _interrupting(call):
        while done < 20 and time.monotonic() < ends:
            shared.health()
    assert done >= 20


def test_a_handler_closes_the_client_that_it_interrupts_or_is_told_what_to_do(
    local_server: LocalServer,
) -> None:
    seen: set[str] = set()

    def close() -> None:
        try:
            state.close()
            seen.add("done")
        except errors.ReentrantCall:
            seen.add("refused")

    ends = time.monotonic() + 20
    while len(seen) < 2 and time.monotonic() < ends:
        state = SharedState(url=local_server.url, key="key")
        with pytest.raises(errors.ClientClosed), _interrupting(close):
            while True:
                state.health()
                sum(range(20_000))  # a place between two calls
    assert seen == {"done", "refused"}


class Wanted(RuntimeError):
    """What a handler of the user's raises."""


@pytest.mark.parametrize("raised", [Wanted(), ValueError(), TypeError(), KeyError()])
def test_what_a_handler_raises_reaches_the_code_that_it_interrupted(
    raised: Exception, shared: SharedState, local_server: LocalServer
) -> None:
    def interrupt(_: int, frame: FrameType | None) -> None:
        # Not in a destructor or the like, where Python itself swallows what is raised.
        if frame is not None and "/httpcore/" in frame.f_code.co_filename:
            raise raised
        signal.setitimer(signal.ITIMER_PROF, 0.001)

    with shared, pytest.raises(type(raised)), _handling(interrupt):
        ends = time.monotonic() + 20
        while time.monotonic() < ends:
            shared.log_agent_activity("a", "b")
    ids = [body["request_id"] for body in local_server.bodies]
    assert len(ids) == len(set(ids))


class _Interruption:
    """Raises Wanted at one place of httpcore where Python lets a signal handler run.

    Those are the beginning of a function and the end of one that is written in C, such as a lock's.
    """

    def __init__(self, place: int) -> None:
        self._left = place

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event not in ("call", "c_return") or "/httpcore/" not in code.co_filename:
            return
        # Python itself swallows what is raised while a generator is cleared away.
        if not code.co_flags & inspect.CO_GENERATOR:
            self._left -= 1
            if self._left == 0:
                raise Wanted


def _is_interrupted(call: Callable[[], Any], place: int) -> bool:
    """Whether the call came to this place, counted from 1, and raised there."""
    former = sys.getprofile()
    sys.setprofile(_Interruption(place))
    try:
        call()
    except Wanted:
        return True
    finally:
        sys.setprofile(former)
    return False


@pytest.mark.parametrize("is_connected", [False, True])
def test_wherever_a_handler_raises_neither_the_next_call_nor_closing_waits_for_ever(
    is_connected: bool, shared: SharedState, local_server: LocalServer
) -> None:
    place = 1
    while _is_interrupted(shared.health, place):
        place += 1
        if is_connected:
            _soon(shared.health)
    _soon(shared.health)
    _soon(shared.close)
    assert place > 100


def _soon(call: Callable[[], Any]) -> None:
    """Call it in a thread of its own, so that waiting for ever fails this test alone."""
    done = threading.Event()

    def run() -> None:
        call()
        done.set()

    threading.Thread(target=run, daemon=True).start()
    assert done.wait(10)
