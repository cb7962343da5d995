"""A forked child beside its parent: connections, locks and leases are the parent's."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sharedstate import SharedState
from sharedstate.locking.locks import LeaseSet, Lock
from sharedstate.reservations import BudgetReservation
from sharedstate.types import Lease

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tests.unit.conftest import LocalServer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
LEASE = Lease("door", "narrow", "agent", "my-run", 7, NOW)


def _in_child(work: Callable[[], Any]) -> str:
    """What a call in a forked child answers, as text, or the name of its error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that hangs ends, and the test fails
        try:
            os.write(writing, str(work()).encode())
        except Exception as problem:  # noqa: BLE001  its name is the answer
            os.write(writing, type(problem).__name__.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


def test_a_forked_child_makes_connections_of_its_own_and_leaves_the_parent_s_alone(
    shared: SharedState, local_server: LocalServer
) -> None:
    local_server.answer = lambda body: {"conflict_id": int(body["description"])}
    with shared:
        assert shared.log_conflict("low", "a", "b", "1") == 1
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # a child that hangs ends, and the test fails
            try:
                os.write(writing, str(shared.log_conflict("low", "a", "b", "2")).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answer:
            assert answer.read() == "2"
        os.waitpid(child, 0)
        assert shared.log_conflict("low", "a", "b", "3") == 3
    assert len(local_server.connections) == 2


def test_a_lock_held_by_another_thread_while_forking_does_not_block_the_child(
    shared: SharedState, local_server: LocalServer
) -> None:
    with shared, shared._leases._lock, shared._transport._open_lock:
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # a child that hangs ends, and the test fails
            try:
                shared.update_subsystem_status("skeleton", {"v": 1})
                shared._leases.forget("subsystem", "skeleton", None)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    assert [body["status"] for body in local_server.bodies] == [{"v": 1}]


def test_a_child_that_was_forked_while_another_thread_began_to_pause_can_pause(
    shared: SharedState,
) -> None:
    transport = shared._transport
    with vars(transport._closed)["_cond"]:  # as a thread has it that goes to sleep, or is woken
        assert _in_child(lambda: transport.pause(0.01)) == "None"
    shared.close()
    assert _in_child(shared.health) == "ClientClosed"


def test_a_forked_child_sends_no_token_of_its_parent_s_leases(
    shared: SharedState, local_server: LocalServer
) -> None:
    def token() -> Any:
        return shared.update_subsystem_status("skeleton", {}).get("fencing_token")

    shared._leases.note(Lease("subsystem", "skeleton", "a", "my-run", 7, datetime.now(UTC)))
    with shared:
        assert _in_child(token) == "None"
        assert token() == 7


def _lease_set(state: SharedState) -> LeaseSet:
    return LeaseSet(state, [LEASE])


def _reservation(state: SharedState) -> BudgetReservation:
    return BudgetReservation(
        "0b1c7f0e-8a52-4a6c-9a51-7d9c3ad0f001", "skeleton", 5, 0, 0, "agent", "my-run", NOW,
        locked_subsystem=None, fencing_token=None, _state=state,
    )  # fmt: skip


@pytest.mark.parametrize("made", [_lease_set, _reservation])
def test_a_forked_child_that_leaves_a_block_releases_nothing_of_its_parent(
    made: Callable[[SharedState], AbstractContextManager[Any]],
    shared: SharedState,
    local_server: LocalServer,
) -> None:
    def leave() -> None:
        with block:
            pass

    with shared, made(shared) as block:
        assert _in_child(leave) == "None"
        assert local_server.bodies == []
    assert len(local_server.bodies) == 1


def test_a_forked_child_that_acquires_does_not_hear_that_its_parent_s_lock_was_lost(
    shared: SharedState, local_server: LocalServer
) -> None:
    local_server.answer = lambda _: [
        {
            **{"resource_type": "door", "resource_name": "narrow", "locked_by": "agent"},
            **{"execution_id": "my-run", "fencing_token": 7, "expires_at": NOW.isoformat()},
        }
    ]
    told: list[Lock] = []

    def acquire() -> int:
        lock.acquire()
        for thread in threading.enumerate():
            if thread.name == "sharedstate-lock-lost":
                thread.join()
        return len(told)

    with shared, shared.lock("door", "narrow", "agent", on_lost=told.append) as lock:
        assert _in_child(acquire) == "0"
        assert not lock.lost
