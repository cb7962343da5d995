"""An async lock survives cancellation at every await: nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

import pytest
from tests.locks.conftest import Left, until_async

from sharedstate import AsyncLock, AsyncSharedState
from sharedstate_ops.stack import StackInfo

Use = Callable[[AsyncLock], Coroutine[Any, Any, Any]]


class CancelAt:
    """Awaits a coroutine, and cancels the task at its k-th real suspension.

    `late`: when what it waits for is there already, so that its result is lost on the way.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], at: int, late: bool) -> None:
        self._coroutine, self._at, self._late = coroutine, at, late
        self.suspensions = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        task = asyncio.current_task()
        assert task is not None
        thrown: BaseException | None = None
        while True:
            try:
                if thrown is None:
                    future = self._coroutine.send(None)
                else:
                    future = self._coroutine.throw(thrown)
            except StopIteration as end:
                return end.value
            thrown = None
            self.suspensions += 1
            if self.suspensions == self._at:
                if self._late and future is not None:
                    future.add_done_callback(lambda _: task.cancel())
                else:
                    task.cancel()
            try:
                yield future
            except BaseException as problem:  # noqa: BLE001  all of it belongs to the coroutine
                thrown = problem


async def _use(lock: AsyncLock) -> None:
    async with lock:
        await asyncio.sleep(0)


async def _try(lock: AsyncLock) -> None:
    if await lock.acquire(False):
        await lock.release()


async def _wait_in_vain(lock: AsyncLock) -> None:
    assert not await lock.acquire(timeout=0.05)


async def _cancelled_everywhere(
    make: Callable[[], AsyncSharedState],
    use: Use,
    left: Left,
    expected: tuple[int, int],
) -> int:
    """Cancels `use` at its 1st, 2nd, ... await until it gets through. How many awaits it has."""
    for at in range(1, 1000):
        done = set()
        for late in (False, True):
            async with make() as state:
                lock = state.lock("door", "narrow", "agent", 60)
                cancelling = CancelAt(use(lock), at, late)
                try:
                    await asyncio.ensure_future(_awaiting(cancelling))
                    done.add(late)
                except asyncio.CancelledError:
                    pass
                await until_async(lambda: left() == expected, 5)
                assert not lock.lost
        if done == {False, True} and cancelling.suspensions < at:
            return at - 1
    raise AssertionError("it has no end")


async def _awaiting(something: Awaitable[Any]) -> Any:
    return await something


@pytest.fixture
def new(stack: StackInfo, workspace: str) -> Callable[[], AsyncSharedState]:
    return lambda: AsyncSharedState(
        "cancelled", workspace=workspace, url=stack.url, key=stack.agent_key
    )


@pytest.mark.parametrize("use", [_use, _try])
def test_cancelled_at_any_await_of_acquire_and_release_it_leaves_no_lease(
    new: Callable[[], AsyncSharedState], left: Left, use: Use
) -> None:
    awaits = asyncio.run(_cancelled_everywhere(new, use, left, (0, 0)))
    assert awaits >= 4


def test_cancelled_at_any_await_of_a_wait_it_leaves_no_ticket(
    new: Callable[[], AsyncSharedState], left: Left
) -> None:
    async def run() -> int:
        async with new() as holder, holder.lock("door", "narrow", "holder"):
            return await _cancelled_everywhere(new, _wait_in_vain, left, (1, 0))

    assert asyncio.run(run()) >= 4


def test_cancelled_while_the_lock_is_handed_to_it_it_hands_it_on(
    new: Callable[[], AsyncSharedState], left: Left
) -> None:
    async def race(after_s: float) -> None:
        async with new() as holder, new() as waiter:
            await (held := holder.lock("door", "narrow", "holder")).acquire()
            waiting = asyncio.ensure_future(waiter.lock("door", "narrow", "waiter").acquire())
            await until_async(lambda: left() == (1, 1))
            released = asyncio.ensure_future(held.release())
            await asyncio.sleep(after_s)
            waiting.cancel()
            got = (await asyncio.gather(waiting, return_exceptions=True))[0]
            await released
            assert got is True or isinstance(got, asyncio.CancelledError)
            await until_async(lambda: left() == ((1, 0) if got is True else (0, 0)), 5)
            if got is True:
                await waiter.release_lock("door", "narrow")

    async def run() -> None:
        for step in range(20):
            await race(step * 0.001)

    asyncio.run(run())


def test_a_task_that_is_cancelled_inside_the_block_releases(
    new: Callable[[], AsyncSharedState], left: Left
) -> None:
    async def hold(state: AsyncSharedState, entered: asyncio.Event) -> None:
        async with state.lock("door", "narrow", "agent"):
            entered.set()
            await asyncio.Event().wait()

    async def run() -> None:
        async with new() as state:
            entered = asyncio.Event()
            task = asyncio.ensure_future(hold(state, entered))
            await entered.wait()
            assert left() == (1, 0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert left() == (0, 0)

    asyncio.run(run())


def test_an_async_lock_excludes_tasks_and_is_fair(
    new: Callable[[], AsyncSharedState],
) -> None:
    async def run() -> None:
        inside, order = 0, []

        async def one(state: AsyncSharedState, number: int) -> None:
            nonlocal inside
            async with state.lock("door", "narrow", f"agent-{number}") as lock:
                inside += 1
                assert inside == 1
                order.append(lock.token or 0)
                await asyncio.sleep(0.005)
                inside -= 1

        async with new() as state:
            await asyncio.gather(*(one(state, number) for number in range(10)))
        assert order == sorted(order)

    asyncio.run(run())
