"""A lock is renewed while it is held, and its holder learns in time when that is impossible."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from tests.locks.conftest import Clock, Cut, Left, Make, outlives, until, until_async

from sharedstate import AsyncSharedState, LeaseLost, SharedState, _background, _held
from sharedstate_ops.stack import StackInfo


def _ttl(state: SharedState) -> int:
    row = state.get_lock("door", "narrow")
    assert row is not None
    return row["ttl_seconds"]


DOORS = [("door", "a"), ("door", "b")]


def _changes(look: Callable[[], Any]) -> Callable[[], bool]:
    first = look()
    return lambda: look() is not first


def _threads() -> set[threading.Thread]:
    return {one for one in threading.enumerate() if one.name == "sharedstate-locks"}


def test_renewal_keeps_a_lock_longer_than_its_ttl(make: Make) -> None:
    state, other = make("run"), make("other")
    told: list[Any] = []
    with state.lock("door", "narrow", "agent", 4, on_lost=told.append) as lock:
        token, outlived = lock.token, outlives(lock)
        is_over = False
        while not is_over:
            is_over = outlived()
            assert other.acquire_lock("door", "narrow", "other") is None
            time.sleep(0.1)
        assert lock.token == token
        assert not lock.lost
    assert other.acquire_lock("door", "narrow", "other")
    assert not told


def test_a_lock_that_is_held_gets_its_full_time_before_its_first_short_one_is_over(
    make: Make,
) -> None:
    state = make()
    with state.lock("door", "narrow", "agent", 300) as lock:
        assert _ttl(state) == 10
        until(lambda: _ttl(state) == 300, 3)
        assert not lock.lost


def test_a_lock_whose_event_loop_stands_still_is_renewed_all_the_same(
    stack: StackInfo, workspace: str, database: psycopg.Connection[Any]
) -> None:
    async def run() -> None:
        async with AsyncSharedState(
            "async", workspace=workspace, url=stack.url, key=stack.agent_key
        ) as state:
            one, several = state.lock("door", "a", "agent", 3), state.locks(DOORS, "agent", 3)
            for lock, blocking in ((one, True), (several, False)):
                assert await lock.acquire(blocking)
                # Not awaited: nothing of the loop runs in between, as while a call blocks it.
                until(outlives(lock))
                assert not lock.lost
                await lock.release()

    asyncio.run(run())


def test_a_lock_that_is_released_soon_costs_two_calls(
    make: Make,
    database: psycopg.Connection[Any],
    workspace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # So that they are released soon on a slow machine, too.
    monkeypatch.setattr(_held, "EXTENDED_AFTER_S", 60)
    state = make()
    for _ in range(3):
        with state.lock("door", "narrow", "agent", 300):
            time.sleep(0.1)
    calls = database.execute(
        "select function_name, count(*) from core.requests where workspace = %s group by 1",
        [workspace],
    ).fetchall()
    assert dict(calls) == {"acquire_locks": 3, "release_lock": 3}


def test_without_the_service_a_lock_is_lost_by_the_clock_of_the_client(
    make: Make, proxy: Cut, clock: Clock
) -> None:
    state = make(url=proxy.url)
    told: list[float] = []
    lock = state.lock("door", "narrow", "agent", 2, on_lost=lambda _: told.append(time.monotonic()))
    lock.acquire()
    until(lambda: _ttl(state) == 2)
    # No renewal that is sent from here on is answered.
    proxy.cut()
    sent_at_latest = time.monotonic()
    assert not lock.lost

    def is_lost() -> bool:
        asked = time.monotonic()
        is_lost = lock.lost
        assert is_lost or asked <= sent_at_latest + 2
        return is_lost

    until(is_lost, 3)
    until(lambda: bool(told), 1)
    assert clock.late_by(told[0], sent_at_latest + 2) <= 0.05  # a thread was started in between
    assert len(told) == 1


def test_renewal_outlives_an_outage_that_is_shorter_than_the_ttl(make: Make, proxy: Cut) -> None:
    state = make(url=proxy.url)
    with state.lock("door", "narrow", "agent", 4) as lock:
        until(lambda: _ttl(state) == 4)
        for _ in range(2):
            proxy.cut()
            time.sleep(1.5)
            proxy.mend()
            until(_changes(lambda: lock.lease), 4)
        assert not lock.lost


def test_a_block_that_lost_the_lock_does_not_release_it_for_its_successor(
    make: Make, database: psycopg.Connection[Any], workspace: str
) -> None:
    lock = make().lock("door", "narrow", "agent")
    tokens: list[int | None] = []
    with pytest.raises(LeaseLost), lock:
        database.execute("delete from agent_locks where workspace = %s", [workspace])
        successor = threading.Thread(target=lambda: tokens.append(lock.acquire() and lock.token))
        successor.start()
        successor.join()
    assert tokens == [2]
    assert lock.token == 2 and lock.locked()
    lock.release()


def test_a_renewal_that_fails_for_an_unknown_reason_is_tried_again_in_time_and_told_of_once(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    state, tries, renew_lock = make(), [], AsyncSharedState.renew_lock

    async def fail_at_first(*arguments: Any, **options: Any) -> Any:
        tries.append(time.monotonic())
        if len(tries) < 4:
            raise LookupError("nobody thought of this")
        return await renew_lock(*arguments, **options)

    monkeypatch.setattr(AsyncSharedState, "renew_lock", fail_at_first)
    with state.lock("door", "narrow", "agent", 3) as lock:
        until(_changes(lambda: lock.lease), 3)
        assert not lock.lost
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert all(pause > 0.04 for pause in pauses)
    (record,) = [record for record in caplog.records if record.name == "sharedstate"]
    assert "nobody thought of this" in str(record.exc_info)


def test_an_on_lost_that_cannot_be_called_does_not_stop_other_renewals(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(on_lost: Any) -> None:
        raise RuntimeError("can't start new thread")

    renew_lock = AsyncSharedState.renew_lock

    async def without_the_first(state: Any, kind: str, name: str, *rest: Any, **more: Any) -> Any:
        if name == "a":
            raise LookupError
        return await renew_lock(state, kind, name, *rest, **more)

    monkeypatch.setattr("sharedstate._sync.lock.tell_in_thread", lambda: no_thread)
    monkeypatch.setattr(AsyncSharedState, "renew_lock", without_the_first)
    state = make()
    lost = state.lock("door", "a", "agent", 1, on_lost=lambda _: None)
    kept = state.lock("door", "b", "agent", 3)
    assert lost.acquire() and kept.acquire()
    until(lambda: lost.lost)
    for _ in range(2):
        until(_changes(lambda: kept.lease), 3)
    kept.release()


def test_a_thread_that_cannot_be_started_fails_one_acquire_and_leaves_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch, left: Left
) -> None:
    def no_thread(self: Any) -> None:
        raise RuntimeError("can't start new thread")

    state = make()
    with monkeypatch.context() as patch:
        patch.setattr(_background.Background, "_start", no_thread)
        with pytest.raises(RuntimeError):
            state.lock("door", "narrow", "agent", 1).acquire()
    with state.lock("door", "wide", "agent", 3) as lock:
        until(_changes(lambda: lock.lease), 3)
    until(lambda: left() == (0, 0))


@pytest.mark.parametrize("place", ["_sync.locks.LockMethods._give", "_background.Background.drop"])
def test_a_lock_whose_release_is_interrupted_is_not_renewed_for_ever(
    make: Make, monkeypatch: pytest.MonkeyPatch, left: Left, place: str
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    state = make()
    lock = state.lock("door", "narrow", "agent", 1)
    lock.acquire()
    monkeypatch.setattr(f"sharedstate.{place}", interrupt)
    with pytest.raises(KeyboardInterrupt):
        lock.release()
    assert lock.token is None
    until(lambda: left() == (0, 0), 3)


def test_a_hanging_renewal_does_not_delay_on_lost_of_another_lock(
    make: Make, proxy: Cut, clock: Clock
) -> None:
    state = make(url=proxy.url)
    told: list[float] = []
    # Its renewal hangs for four seconds.
    with state.lock("door", "first", "agent", 12):
        proxy.cut()
        until(lambda: proxy.hanging > 0)
        proxy.mend()
        second = state.lock(
            "door", "second", "agent", 1, on_lost=lambda _: told.append(time.monotonic())
        )
        second.acquire()
        proxy.cut()
        cut_at = time.monotonic()
        until(lambda: bool(told))
        proxy.mend()
    assert clock.late_by(told[0], cut_at + 1) <= 0.05


def test_a_lock_that_was_taken_away_is_lost_at_the_next_renewal(
    make: Make, database: psycopg.Connection[Any], workspace: str
) -> None:
    state = make()
    told: list[Any] = []
    lock = state.lock("door", "narrow", "agent", 2, on_lost=told.append)
    with pytest.raises(LeaseLost), lock:
        database.execute("delete from agent_locks where workspace = %s", [workspace])
        until(lambda: bool(told), 2)
        assert told == [lock]
        assert lock.lost
        assert lock.token == 1
    assert "unlocked" in repr(lock)


def test_an_exception_of_the_block_is_not_hidden_by_the_loss(
    make: Make, database: psycopg.Connection[Any], workspace: str
) -> None:
    with pytest.raises(KeyError), make().lock("door", "narrow", "agent"):
        database.execute("delete from agent_locks where workspace = %s", [workspace])
        raise KeyError


def test_one_thread_renews_all_locks_and_ends_with_the_last(make: Make) -> None:
    before = _threads()  # those of other tests' clients may linger, and end at any time
    state = make()
    locks = [state.lock("door", f"door-{number}", "agent", 10) for number in range(20)]
    for lock in locks:
        lock.acquire()
    assert len(_threads() - before) == 1
    first = [lock.lease for lock in locks]
    until(lambda: all(lock.lease is not old for lock, old in zip(locks, first, strict=True)))
    assert not any(lock.lost for lock in locks)
    for lock in locks:
        lock.release()
    # Not woken for that: it looks by itself when the next renewal would have been due.
    until(lambda: not _threads() - before, 10 / 3 + 2)


def test_who_locks_again_and_again_does_not_start_a_thread_each_time(make: Make) -> None:
    before = _threads()
    lock, seen = make().lock("door", "narrow", "agent"), set()
    began = time.monotonic()
    while (lasted_s := time.monotonic() - began) < 2.5:
        with lock:
            seen |= _threads() - before
        time.sleep(0.05)
    # One stays at least until the first renewal would have been due.
    assert len(seen) <= 1 + lasted_s / _held.EXTENDED_AFTER_S


def test_closing_the_client_ends_renewal_and_its_locks_lapse(make: Make, left: Left) -> None:
    before = _threads()
    state = make()
    lock = state.lock("door", "narrow", "agent", 1)
    lock.acquire()
    state.close()
    assert not _threads() - before
    until(lambda: lock.lost and left() == (0, 0), 2)


def test_a_lock_object_that_is_garbage_is_renewed_no_more(make: Make, left: Left) -> None:
    state = make()
    state.lock("door", "narrow", "agent", 1).acquire()
    gc.collect()
    until(lambda: left() == (0, 0), 3)


def test_renewal_by_a_task_keeps_an_async_lock_and_tells_of_its_loss(
    stack: StackInfo, workspace: str, database: psycopg.Connection[Any]
) -> None:
    async def run() -> None:
        async with AsyncSharedState(
            "async", workspace=workspace, url=stack.url, key=stack.agent_key
        ) as state:
            told = asyncio.Event()

            async def on_lost(lock: Any) -> None:
                assert lock.lost
                told.set()

            lock = state.lock("door", "narrow", "agent", 4, on_lost=on_lost)
            await lock.acquire()
            await until_async(outlives(lock))
            assert not lock.lost
            database.execute("delete from agent_locks where workspace = %s", [workspace])
            await asyncio.wait_for(told.wait(), 3)
            with pytest.raises(LeaseLost):
                await lock.release()
            await lock.acquire()
            await lock.release()

    for _ in range(2):  # the second time on an event loop of its own
        asyncio.run(run())


def test_a_write_after_the_loss_is_refused(make: Make, proxy: Cut, stack: StackInfo) -> None:
    state: SharedState = make("run", proxy.url)
    lock = state.lock("subsystem", "skeleton", "agent", 1)
    lock.acquire()
    state._background.stop()  # as if the process had been stopped past its time
    until(lambda: lock.lost, 3)
    with make("other").lock("subsystem", "skeleton", "other"), pytest.raises(LeaseLost):
        state.update_subsystem_status("skeleton", {"current_mass_kg": 1})
