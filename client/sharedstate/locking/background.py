"""The background of a client: renews its locks, tells of lost ones, gives back what was cancelled.

One thread (of SharedState) or one task (of AsyncSharedState) for all locks. It starts with the
first lock and ends soon after the last one. Both run `Background._work`; its calls run side by
side, so a call that hangs delays neither another renewal nor the news that a lease was lost.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from sharedstate import errors
from sharedstate.calls import locks as calls
from sharedstate.http.retry import NO_RETRY
from sharedstate.locking.holding import EXTENDED_AFTER_S, Held, next_look
from sharedstate.locking.waiting import renewal

if TYPE_CHECKING:
    import asyncio

    from sharedstate.config import Settings
    from sharedstate.http.transport_async import AsyncTransport

# How long it stays when there is nothing to do: whoever locks in a loop needs no new thread each
# time.
LINGER_S = 1.0
# A lock that is released does not wake it if it wakes by itself so soon: to wake a thread delays
# the one that does, and that is in the way from one holder to the next.
DOZE_S = 4.0
# How long a cancelled call waits for what it gives back, and close() for the same.
SETTLE_S = 2.0
# What the same client is told the next time as well.
_FINAL = (errors.InvalidKey, errors.PermissionDenied, errors.SchemaMissing)


class Background:
    """What thread and task share. All methods but `_work` and below may be called from anywhere."""

    def __init__(self, settings: Settings, timeout_seconds: float | None) -> None:
        self._settings = settings
        self._timeout_seconds = timeout_seconds
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._held: set[Held] = set()
        self._given_back: set[Future[bool]] = set()
        self._fresh: list[tuple[str, float, Future[bool]]] = []
        self._wakes_at = self._used_at = 0.0
        self._is_running = False
        self._is_stopped = False
        self._has_warned = False
        self._stops_at = math.inf
        self._alarm: asyncio.Event | None = None

    def after_fork(self) -> None:
        """In a forked child: locks, thread and task belong to the parent."""
        stopped = self._is_stopped
        self._reset()
        self._is_stopped = stopped

    def hold(self, held: Held) -> None:
        """Renew it from now on."""
        with self._lock:
            if self._is_stopped:
                raise errors.ClientClosed("this client was closed")
            self._held.add(held)
            self._attend(held.due)

    def drop(self, held: Held) -> None:
        """Renew it no more: it is about to be released."""
        held.is_ended = True
        with self._lock:
            self._held.discard(held)
            self._used_at = now = time.monotonic()
            if not self._held and self._is_running and self._wakes_at > now + DOZE_S:
                self._attend(now + LINGER_S)

    def lose(self, held: Held) -> None:
        """It was lost; tell its owner, once."""
        with self._lock:
            if held.is_lost or held.is_ended:
                return
            held.is_lost = True
            self._held.discard(held)
        if held.on_lost is not None and not held.abandoned:
            try:
                self._tell(held.on_lost)
            except Exception as problem:  # noqa: BLE001  no thread can be started, say
                self._warn("on_lost could not be called", problem)

    def give_back(self, request_id: str, for_s: float) -> Future[bool]:
        """End a request for locks, whatever became of it, trying for `for_s` seconds."""
        done: Future[bool] = Future()
        with self._lock:
            if self._is_stopped:
                done.set_result(False)
                return done
            self._fresh.append((request_id, time.monotonic() + for_s, done))
            self._given_back.add(done)
            self._attend(0.0)
        return done

    def _warn(self, what: str, problem: Exception) -> None:
        # Once for each client: what goes wrong here may go wrong at every renewal.
        if not self._has_warned:
            self._has_warned = True
            logging.getLogger("sharedstate").error("%s", what, exc_info=problem)

    def _attend(self, at: float) -> None:
        if not self._is_running:
            self._wakes_at = at
            self._start()
            self._is_running = True
        elif at < self._wakes_at:
            self._wakes_at = at
            self._wake()

    def _start(self) -> None:
        raise NotImplementedError

    def _wake(self) -> None:
        raise NotImplementedError

    def _tell(self, on_lost: Callable[[], object]) -> None:
        raise NotImplementedError

    # --- inside the thread or task ---

    async def _work(self, alarm: asyncio.Event) -> None:
        import asyncio

        from sharedstate.http.transport_async import AsyncTransport

        transport = AsyncTransport(self._settings, self._timeout_seconds, NO_RETRY)
        tasks: set[asyncio.Task[None]] = set()
        is_over = False
        try:
            while True:
                alarm.clear()
                now = time.monotonic()
                for work in self._due(transport, alarm, now):
                    tasks.add(task := asyncio.ensure_future(work))
                    task.add_done_callback(tasks.discard)
                is_over = self._may_end(now)
                if is_over:
                    return
                pause = max(0.0, self._wakes_at - time.monotonic())
                await _wait(alarm, pause)
        finally:
            if not is_over and alarm is self._alarm:
                # It failed, or its event loop ends: the next lock starts it anew.
                self._is_running = False
            for task in tasks:
                task.cancel()
            await transport.close()

    def _due(self, transport: AsyncTransport, alarm: asyncio.Event, now: float) -> list[Any]:
        """What is to be done now, as coroutines."""
        with self._lock:
            self._held = {held for held in self._held if not (held.abandoned or held.is_ended)}
            lost = [held for held in self._held if now >= held.deadline]
            due = [h for h in self._held if h.due <= now < h.deadline and not h.is_renewing]
            for held in due:
                held.is_renewing = True
            fresh, self._fresh = self._fresh, []
        for held in lost:
            self.lose(held)
        renewals = [self._renew(transport, alarm, held) for held in due]
        return renewals + [self._return(transport, alarm, *one) for one in fresh]

    def _may_end(self, now: float) -> bool:
        """Plans the next look, unless there is nothing left to look after."""
        with self._lock:
            self._wakes_at = next_look(self._held)
            is_idle = not (self._held or self._given_back or self._fresh)
            if self._fresh:
                self._wakes_at = now
            elif is_idle:
                # Soon enough for whatever may be held meanwhile: then nobody has to wake it.
                self._wakes_at = min(self._used_at + LINGER_S, now + EXTENDED_AFTER_S)
            self._wakes_at = min(self._wakes_at, self._stops_at)
            is_over = self._is_stopped or now >= self._used_at + LINGER_S
            if (is_idle and is_over) or now >= self._stops_at:
                self._is_running = False
                return True
        return False

    async def _renew(self, transport: AsyncTransport, alarm: asyncio.Event, held: Held) -> None:
        import asyncio

        sent = time.monotonic()
        try:
            renewals = [renewal(lease, held.ttl_seconds) for lease in held.leases]
            async with asyncio.timeout(held.patience_s(sent)):
                leases = await asyncio.gather(*map(transport.run, renewals))
        except errors.LeaseLost:
            self.lose(held)
        except (errors.SharedStateError, TimeoutError):
            held.not_renewed(time.monotonic())
        except Exception as problem:  # noqa: BLE001  it must neither end this nor spin
            held.not_renewed(time.monotonic())
            self._warn("a lock could not be renewed", problem)
        else:
            held.renewed(sent, leases)
        finally:
            held.is_renewing = False
            alarm.set()

    async def _return(
        self,
        transport: AsyncTransport,
        alarm: asyncio.Event,
        request_id: str,
        until: float,
        done: Future[bool],
    ) -> None:
        import asyncio

        pause, answer = 0.05, False
        try:
            while True:
                try:
                    answer = await transport.run(calls.cancel_lock_request(request_id))
                    return
                except errors.SharedStateError as problem:
                    is_final = problem.raised_by == "database" or isinstance(problem, _FINAL)
                    if is_final or time.monotonic() + pause >= until:
                        return
                await asyncio.sleep(pause)
                pause = min(2.0, pause * 2)
        finally:
            with self._lock:
                self._given_back.discard(done)
            if not done.cancelled():
                done.set_result(answer)
            alarm.set()


async def _wait(alarm: asyncio.Event, seconds: float) -> None:
    import asyncio
    import contextlib

    with contextlib.suppress(TimeoutError):
        # Clocks of event loops take no infinity.
        async with asyncio.timeout(min(seconds, 86400.0)):
            await alarm.wait()


class _Thread:
    """A thread as `me` names it. Unlike its number it is never used again, and it ends with it."""


class _Here(threading.local):
    def __init__(self) -> None:
        self.thread = _Thread()


_here = _Here()
_NO_TASK = _Thread()


class ThreadBackground(Background):
    """A daemon thread with an event loop of its own: it never keeps a process from ending."""

    # It renews while the holder's code runs, so that acquiring may be one call.
    CONFIRMS_FIRST = False

    def _reset(self) -> None:
        super()._reset()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Renew nothing more; what is being given back has two seconds."""
        with self._lock:
            self._is_stopped, self._stops_at = True, time.monotonic() + SETTLE_S
            thread = self._thread if self._is_running else None
            self._held.clear()
            if thread is not None:
                self._wake()
        if thread is not None and thread is not threading.current_thread():
            thread.join(2 * SETTLE_S)

    def settle(self, done: Future[bool]) -> None:
        """Wait a while for something to be given back; it goes on when the wait is over."""
        import contextlib

        with contextlib.suppress(TimeoutError):
            done.result(SETTLE_S)

    @staticmethod
    def me() -> object:
        """Who is running: the thread. Can be referred to weakly."""
        return _here.thread

    def _start(self) -> None:
        self._loop = self._alarm = None
        self._thread = threading.Thread(target=self._main, name="sharedstate-locks", daemon=True)
        self._thread.start()

    def _main(self) -> None:
        import asyncio

        async def main() -> None:
            alarm = asyncio.Event()
            with self._lock:
                self._loop, self._alarm = asyncio.get_running_loop(), alarm
            await self._work(alarm)

        asyncio.run(main())

    def _wake(self) -> None:
        # Before the loop runs there is nothing to wake: it looks at everything first.
        if self._loop is not None and self._alarm is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._alarm.set)

    def _tell(self, on_lost: Callable[[], object]) -> None:
        # In a thread of its own: the user's code may take long, or fail.
        threading.Thread(target=on_lost, name="sharedstate-lock-lost", daemon=True).start()


class TaskBackground(Background):
    """A task of the event loop that holds the locks."""

    # The holder's code may keep the event loop busy right after it acquired: then nothing renews.
    CONFIRMS_FIRST = True

    def _reset(self) -> None:
        super()._reset()
        self._task: asyncio.Task[None] | None = None
        self._told: set[asyncio.Future[Any]] = set()

    async def stop(self) -> None:
        """Renew nothing more; what is being given back has two seconds."""
        import asyncio

        self._is_stopped, self._stops_at = True, time.monotonic() + SETTLE_S
        self._held.clear()
        task = self._task
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            return
        self._wake()
        await asyncio.wait({task}, timeout=2 * SETTLE_S)

    async def settle(self, done: Future[bool]) -> None:
        """Wait a while for something to be given back; it goes on when the wait is over."""
        import asyncio

        await asyncio.wait({asyncio.wrap_future(done)}, timeout=SETTLE_S)

    @staticmethod
    def me() -> object:
        """Who is running: the task. Can be referred to weakly."""
        import asyncio

        try:
            return asyncio.current_task() or _NO_TASK
        except RuntimeError:  # no event loop runs
            return _NO_TASK

    def _attend(self, at: float) -> None:
        import asyncio

        task = self._task
        if task is not None and (task.done() or task.get_loop() is not asyncio.get_running_loop()):
            # That event loop has ended, and its tasks with it.
            self._is_running = False
        super()._attend(at)

    def _start(self) -> None:
        import asyncio

        self._alarm = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._work(self._alarm))

    def _wake(self) -> None:
        if self._alarm is not None:
            self._alarm.set()

    def _tell(self, on_lost: Callable[[], object]) -> None:
        import asyncio

        async def tell() -> None:
            answer = on_lost()
            if asyncio.iscoroutine(answer):
                await answer

        self._told.add(task := asyncio.ensure_future(tell()))
        task.add_done_callback(self._told.discard)
