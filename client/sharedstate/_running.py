"""What differs between threads and tasks. `_sync` uses the second function of each pair."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

# How long a cancelled call waits for what it gives back, and close() for the same.
SETTLE_S = 2.0
Tell = Callable[[Callable[[], object]], None]


class _Thread:
    """A thread as it is named here. Unlike its number it is never used again, and ends with it."""


class _Here(threading.local):
    def __init__(self) -> None:
        self.thread = _Thread()


_here = _Here()


def current_task() -> object:
    """Who is running: the task. Can be referred to weakly."""
    try:
        return asyncio.current_task() or _here.thread
    except RuntimeError:  # no event loop runs
        return _here.thread


def current_thread() -> object:
    """Who is running: the thread. Can be referred to weakly."""
    return _here.thread


async def settle_task(done: Future[bool]) -> None:
    """Wait a while for something to be given back; it goes on when the wait is over."""
    await asyncio.wait({asyncio.wrap_future(done)}, timeout=SETTLE_S)


def settle_thread(done: Future[bool]) -> None:
    """Wait a while for something to be given back; it goes on when the wait is over."""
    with contextlib.suppress(TimeoutError):
        done.result(SETTLE_S)


async def join_from_task(thread: threading.Thread | None) -> None:
    """Wait until the background has ended, some seconds at most."""
    if thread is not None:
        await asyncio.to_thread(thread.join, 2 * SETTLE_S)


def join_from_thread(thread: threading.Thread | None) -> None:
    """Wait until the background has ended, some seconds at most."""
    if thread is not None and thread is not threading.current_thread():
        thread.join(2 * SETTLE_S)


def tell_in_task() -> Tell:
    """How the background calls the user's code: in the event loop that runs now."""
    loop = asyncio.get_running_loop()
    told: set[asyncio.Task[Any]] = set()

    async def call(on_lost: Callable[[], object]) -> None:
        answer = on_lost()
        if asyncio.iscoroutine(answer):
            await answer

    def start(on_lost: Callable[[], object]) -> None:
        told.add(task := loop.create_task(call(on_lost)))
        task.add_done_callback(told.discard)

    def tell(on_lost: Callable[[], object]) -> None:
        if not loop.is_closed():  # else nobody is left to be told
            loop.call_soon_threadsafe(start, on_lost)

    return tell


def tell_in_thread() -> Tell:
    """How the background calls the user's code: in a thread of its own, for it may take long."""
    return lambda on_lost: threading.Thread(
        target=on_lost, name="sharedstate-lock-lost", daemon=True
    ).start()


class AsyncClosing(ABC):
    """The name of `close` that async libraries use."""

    @abstractmethod
    async def close(self) -> None: ...

    async def aclose(self) -> None:
        """The same as close."""
        await self.close()


class Closing:
    """A sync client has only `close`."""
