"""Threads and tasks of one client: none writes or releases by the lease of another."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg
import pytest
from tests.locks.conftest import Make, until

from sharedstate import AsyncSharedState, LeaseLost, SharedState, errors
from sharedstate_ops.stack import StackInfo

T = TypeVar("T")
SKELETON = ("subsystem", "skeleton")

STOPPED = """
import json, sys, threading
from sharedstate import SharedState, SharedStateError
url, key, workspace = sys.argv[1:]
with SharedState("shared", workspace=workspace, url=url, key=key) as state:
    slow = state.lock("subsystem", "skeleton", "agent_a", 1)
    quick = state.lock("subsystem", "skeleton", "agent_b", 60)
    slow.acquire()
    print("acquired", flush=True)
    wrote = threading.Event()

    def other_thread():
        quick.acquire()
        for count in (1, 2, 3):
            state.update_subsystem_status("skeleton", {"count": count})
        wrote.set()

    threading.Thread(target=other_thread, daemon=True).start()
    sys.stdin.readline()
    assert wrote.wait(20)
    answers = []
    for call in (lambda: state.update_subsystem_status("skeleton", {"count": 1}), slow.release):
        try:
            call()
            answers.append(None)
        except SharedStateError as problem:
            answers.append(problem.slug)
    print(json.dumps(answers), flush=True)
"""


def _elsewhere(work: Callable[[], T]) -> T:
    """The result of a call in a thread of its own, which has ended by then."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def _holder(state: SharedState) -> str | None:
    row = state.get_lock(*SKELETON)
    return None if row is None else row["locked_by"]


def _count(state: SharedState) -> Any:
    status = state.get_subsystem_status("skeleton")
    return None if status is None else status["metadata"].get("count")


@pytest.fixture
def overtaken(make: Make) -> SharedState:
    """A client whose running thread, agent_a, was too slow: another thread of it holds the lock."""
    state = make("shared")
    assert state.acquire_lock(*SKELETON, "agent_a", 1)

    def take_over() -> None:
        lease = state.acquire_lock(*SKELETON, "agent_b", 60, wait_seconds=20)
        assert lease is not None and lease.fencing_token == 2
        state.update_subsystem_status("skeleton", {"count": 3})

    _elsewhere(take_over)
    return state


def test_a_thread_that_lost_its_lease_cannot_write_by_that_of_another_thread(
    overtaken: SharedState,
) -> None:
    for write in (
        lambda: overtaken.update_subsystem_status("skeleton", {"count": 1}),
        lambda: overtaken.update_subsystem_design("skeleton", {"count": 1}, "agent_a"),
        lambda: overtaken.update_subsystem_interfaces("skeleton", {"count": 1}, "agent_a"),
        lambda: overtaken.checkin_subsystem("skeleton", "agent_a", {"count": 1}),
        lambda: overtaken.renew_lock(*SKELETON),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert (_count(overtaken), _holder(overtaken)) == (3, "agent_b")


def test_the_release_in_the_end_of_a_thread_that_lost_its_lease_ends_no_other(
    overtaken: SharedState,
) -> None:
    with pytest.raises(LeaseLost):
        try:
            overtaken.update_subsystem_status("skeleton", {"count": 1})
        finally:
            assert not overtaken.release_lock(*SKELETON)
    assert _holder(overtaken) == "agent_b"


def test_a_thread_that_acquired_nothing_writes_by_the_newest_lease_of_the_client(
    overtaken: SharedState, make: Make
) -> None:
    _elsewhere(lambda: overtaken.update_subsystem_status("skeleton", {"count": 4}))
    assert _count(overtaken) == 4
    assert _elsewhere(lambda: overtaken.release_lock(*SKELETON))
    with make("other").lock(*SKELETON, "other"), pytest.raises(LeaseLost):
        overtaken.update_subsystem_status("skeleton", {"count": 5})


def test_a_process_that_was_stopped_does_not_write_by_the_lock_of_its_other_thread(
    stack: StackInfo, workspace: str, make: Make
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", STOPPED, stack.url, stack.agent_key, workspace],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None and holder.stdout is not None
    looking = make("looking")
    try:
        assert holder.stdout.readline() == "acquired\n"
        os.kill(holder.pid, signal.SIGSTOP)
        until(lambda: _holder(looking) is None)
        os.kill(holder.pid, signal.SIGCONT)
        holder.stdin.write("go on\n")
        holder.stdin.flush()
        assert json.loads(holder.stdout.readline()) == ["lease_lost", "lease_lost"]
        assert (_count(looking), _holder(looking)) == (3, "agent_b")
    finally:
        holder.kill()
        holder.communicate()


def test_a_task_that_lost_its_lease_cannot_write_by_that_of_another_task(
    stack: StackInfo, workspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_renewal(*_: Any, **__: Any) -> Any:
        raise errors.ServiceUnavailable("away")

    monkeypatch.setattr(AsyncSharedState, "renew_lock", no_renewal)

    async def run() -> None:
        async with AsyncSharedState(
            "shared", workspace=workspace, url=stack.url, key=stack.agent_key
        ) as state:
            held = asyncio.Event()

            async def take_over() -> None:
                async with state.lock(*SKELETON, "agent_b", 60):
                    await state.update_subsystem_status("skeleton", {"count": 3})
                    held.set()
                    await asyncio.Event().wait()

            lock = state.lock(*SKELETON, "agent_a", 1)
            assert await lock.acquire()
            other = asyncio.create_task(take_over())
            await held.wait()
            assert lock.lost and lock.token == 1
            with pytest.raises(LeaseLost):
                await state.update_subsystem_status("skeleton", {"count": 1})
            with pytest.raises(LeaseLost):
                await lock.release()
            row = await state.get_lock(*SKELETON)
            assert row is not None and row["locked_by"] == "agent_b"
            other.cancel()
            await asyncio.wait({other})
            assert await state.get_lock(*SKELETON) is None

    asyncio.run(run())


def test_a_release_by_the_thread_that_lost_a_shared_lock_object_leaves_the_next_holder_alone(
    make: Make, database: psycopg.Connection[Any], workspace: str
) -> None:
    state = make()
    lock = state.lock("door", "narrow", "agent")
    lock.acquire()
    database.execute("delete from agent_locks where workspace = %s", [workspace])
    may_release, is_held = threading.Event(), threading.Event()

    def hold() -> int | None:
        with lock:
            is_held.set()
            assert may_release.wait(20)
            token: int | None = lock.token
            return token

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(hold)
        assert is_held.wait(10)
        assert lock.lost and lock.token == 1  # to this thread; to the other it is held
        with pytest.raises(LeaseLost):
            lock.release()
        row = state.get_lock("door", "narrow")
        assert row is not None and row["fencing_token"] == 2
        may_release.set()
        assert other.result() == 2
    assert state.get_lock("door", "narrow") is None


def test_another_thread_may_release_a_lock_object(make: Make) -> None:
    state = make()
    lock = state.lock("door", "narrow", "agent")
    lock.acquire()
    _elsewhere(lock.release)
    assert state.get_lock("door", "narrow") is None
    with pytest.raises(RuntimeError):
        lock.release()
    assert _elsewhere(lock.acquire)
    lock.release()
    assert state.get_lock("door", "narrow") is None
