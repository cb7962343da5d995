"""A forked child that uses its parent's client is told to make one of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from sharedstate import SharedState

if TYPE_CHECKING:
    from tests.unit.conftest import LocalServer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
GRANTED = {
    "resource_type": "subsystem",
    "resource_name": "skeleton",
    "locked_by": "agent",
    "execution_id": "my-run",
    "fencing_token": 7,
    "expires_at": "2026-11-22T19:40:44+00:00",
}


def _in_child(work: Callable[[], Any]) -> str:
    """What a call in a forked child answers, as text, or its error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that hangs ends, and the test fails
        try:
            os.write(writing, str(work()).encode())
        except Exception as problem:  # noqa: BLE001  its text is the answer
            os.write(writing, str(problem).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


USES: dict[str, Callable[[SharedState], Any]] = {
    "a read": lambda state: state.get_subsystem_status("skeleton"),
    "a write": lambda state: state.update_subsystem_status("skeleton", {}),
    "a release": lambda state: state.release_lock("subsystem", "skeleton"),
    "supabase-py": lambda state: state.supabase.rpc("health").execute(),
    "a new lock": lambda state: state.lock("door", "narrow", "agent").acquire(),
}


@pytest.mark.parametrize("use", USES)
def test_a_child_sends_nothing_by_its_parent_s_client(
    use: str, shared: SharedState, local_server: LocalServer
) -> None:
    with shared, shared._tokens._lock:  # as another thread may hold it while this one forks
        told = _in_child(lambda: USES[use](shared))
    assert "Make a client in each process" in told
    assert local_server.bodies == []


def test_a_child_makes_a_client_of_its_own_and_its_parent_goes_on(
    shared: SharedState, local_server: LocalServer
) -> None:
    local_server.answer = lambda body: {"conflict_id": int(body["description"])}

    def call() -> int:
        with SharedState("child", url=local_server.url, key="key") as own:
            return own.log_conflict("low", "a", "b", "2")

    with shared:
        assert shared.log_conflict("low", "a", "b", "1") == 1
        assert _in_child(call) == "2"
        assert shared.log_conflict("low", "a", "b", "3") == 3
    assert len(local_server.connections) == 2


@pytest.mark.parametrize("attribute", ["lost", "token", "leases", "release"])
def test_a_child_has_no_lock_of_its_parent(
    attribute: str, shared: SharedState, local_server: LocalServer
) -> None:
    local_server.answer = lambda _: [GRANTED]

    def use() -> Any:
        value = getattr(lock, attribute)
        return value() if callable(value) else value

    with shared, shared.lock("subsystem", "skeleton", "agent") as lock, shared._background._lock:
        assert "Make a client in each process" in _in_child(use)
        assert lock.token == 7 and not lock.lost
    assert len(local_server.bodies) == 2  # its acquisition and its release


def test_a_child_that_leaves_a_block_of_its_parent_releases_nothing(
    shared: SharedState, local_server: LocalServer
) -> None:
    local_server.answer = lambda body: [GRANTED] if "agent_name" in body else True

    def leave(block: Any) -> None:
        block.__exit__(None, None, None)

    with shared:
        leases = shared.acquire_locks([("subsystem", "skeleton")], "agent")
        asked = len(local_server.bodies)
        assert "Make a client in each process" in _in_child(lambda: leave(leases))
        assert len(local_server.bodies) == asked
