"""Looking at locks from outside, and a gateway that can be cut off."""

from __future__ import annotations

import _thread
import asyncio
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from sharedstate import AsyncLock, Lock, SharedState
from sharedstate_ops.stack import StackInfo

Make = Callable[..., SharedState]


@pytest.fixture(scope="session")
def database(stack: StackInfo) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """The owner's connection, to look at rows."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def make(stack: StackInfo, workspace: str) -> Iterator[Make]:
    """Makes clients on `workspace`, and closes them."""
    made: list[SharedState] = []

    def new(name: str = "run", url: str = stack.url) -> SharedState:
        made.append(SharedState(name, workspace=workspace, url=url, key=stack.agent_key))
        return made[-1]

    yield new
    for state in made:
        state.close()


Left = Callable[[], tuple[int, int]]


@pytest.fixture
def left(database: psycopg.Connection[tuple[Any, ...]], workspace: str) -> Left:
    """How many unexpired leases and how many tickets the workspace has."""

    def count() -> tuple[int, int]:
        row = database.execute(
            """select
              (select count(*) from agent_locks
               where workspace = %(w)s and expires_at > clock_timestamp()),
              (select count(*) from core.lock_tickets where workspace = %(w)s)""",
            {"w": workspace},
        ).fetchone()
        assert row is not None
        return row[0], row[1]

    return count


class Cut:
    """A TCP proxy before the gateway; `cut` drops every connection and takes no new one.

    `hanging` counts the messages that did not get through.
    """

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._target = host, int(port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self._is_cut = False
        self._swallow = 0
        self.hanging = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """From now on nothing gets through: connections hang, as behind a broken cable."""
        with self._lock:
            self._is_cut = True

    def mend(self) -> None:
        """Let new connections through again; what was lost stays lost."""
        with self._lock:
            self._is_cut = False

    def drop_answers(self, count: int) -> None:
        """Let the next requests through, and close the connection instead of answering."""
        with self._lock:
            self._swallow = count

    def close(self) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            outer = socket.create_connection(self._target)
            self._sockets += [inner, outer]
            for source, target, answers in ((inner, outer, False), (outer, inner, True)):
                threading.Thread(
                    target=self._pump, args=(source, target, answers), daemon=True
                ).start()

    def _pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    if self._is_cut:
                        self.hanging += 1
                        continue
                    if answers and self._swallow:
                        self._swallow -= 1
                        break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(stack: StackInfo) -> Iterator[Cut]:
    """A proxy before the gateway that fails on command."""
    cut = Cut(stack.url)
    yield cut
    cut.close()


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Await a state."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")


async def until_async(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Await a state in an event loop."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


def outlives(*locks: Lock | AsyncLock) -> Callable[[], bool]:
    """Whether all have been renewed since now, and would have ended but for that."""
    first = [lease for lock in locks for lease in lock.leases]

    def look() -> bool:
        now = datetime.now(UTC)
        newer = [lease for lock in locks for lease in lock.leases]
        return all(
            old.expires_at < now and old.expires_at < new.expires_at
            for old, new in zip(first, newer, strict=True)
        )

    return look


class Clock:
    """Notes when this process runs, to tell how long it stood still."""

    _TICK_SECONDS = 0.005

    def __init__(self) -> None:
        self._ticks = [time.monotonic()]
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._tick)
        self._thread.start()

    def _tick(self) -> None:
        while not self._is_over.wait(self._TICK_SECONDS):
            self._ticks.append(time.monotonic())

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()
        self._ticks.append(time.monotonic())

    def late_by(self, happened_at: float, due_at: float) -> float:
        """By how many seconds something came too late, without those in which nothing ran."""
        self.stop()
        still = sum(
            max(0.0, min(after, happened_at) - max(before, due_at))
            for before, after in itertools.pairwise(self._ticks)
            if after - before > 2 * self._TICK_SECONDS
        )
        return happened_at - due_at - still


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Tells a call that came late from one that could not come sooner."""
    made = Clock()
    yield made
    made.stop()


@contextmanager
def interrupted_when(condition: Callable[[], bool]) -> Iterator[None]:
    """The block is interrupted as by Ctrl-C when the condition holds, and never after its end."""
    is_over = threading.Event()

    def interrupt() -> None:
        until(lambda: is_over.is_set() or condition())
        if not is_over.is_set():
            _thread.interrupt_main()

    interrupting = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        interrupting.start()
        try:
            yield
        finally:
            is_over.set()
            interrupting.join()
