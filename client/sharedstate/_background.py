"""The background thread of a client: renews locks, reports lost ones, cancels requests.

One daemon thread for all locks, with an event loop and a client of its own. An async client has one
too, so that a busy event loop loses no lock. It starts with the first lock, and ends when it wakes
and nothing is held. Its calls run concurrently, so a call that hangs delays neither another renewal
nor the report of a lost lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import math
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sharedstate import _clock, errors
from sharedstate._held import Held, next_look
from sharedstate._http import Service
from sharedstate._retry import RetryPolicy
from sharedstate._running import SETTLE_S

if TYPE_CHECKING:
    from sharedstate._async.client import AsyncSharedState

# What the same client is told the next time as well.
_FINAL = (errors.InvalidKey, errors.ExpiredKey, errors.PermissionDenied, errors.SchemaMissing)
_log = logging.getLogger("sharedstate")


@dataclass(slots=True)
class _Run:
    """One run of the thread: its event loop, what wakes it, and its client once it needs one."""

    loop: asyncio.AbstractEventLoop
    alarm: asyncio.Event
    state: AsyncSharedState | None = None


class Background:
    """What is done for the holders of locks, whatever they do themselves.

    `hold`, `drop`, `lose`, `give_back` and `stop` may be called from anywhere, also by a signal
    handler: their lock is reentrant.
    """

    def __init__(self, execution_id: str, service: Service) -> None:
        self._execution_id, self._service = execution_id, service
        self._lock = threading.RLock()
        self._held: set[Held] = set()
        self._returns: list[tuple[str, float, Future[bool]]] = []
        self._open_returns = 0
        self._wakes_at, self._stops_at = 0.0, math.inf
        self._thread: threading.Thread | None = None
        self._run: _Run | None = None
        self._has_warned = False

    def hold(self, held: Held) -> None:
        """Renew this lock from now on."""
        with self._lock:
            if self._stops_at < math.inf:
                raise errors.ClientClosed("this client was closed")
            self._held.add(held)
            self._attend(held.due)

    def drop(self, held: Held) -> None:
        """Stop renewing this lock: it is about to be released."""
        held.is_ended = True
        with self._lock:
            # The thread is not woken for it: that would delay the release.
            self._held.discard(held)

    def lose(self, held: Held) -> None:
        """The lock was lost: tell its owner, once."""
        with self._lock:
            if held.is_lost or held.is_ended:
                return
            held.is_lost = True
            self._held.discard(held)
        names = ", ".join(f"{one.resource_type}/{one.resource_name}" for one in held.leases)
        _log.warning("the lock on %s was lost: %s", names, held.problem or "its time was up")
        if held.on_lost is not None and not held.abandoned:
            try:
                held.on_lost()
            except Exception as problem:  # noqa: BLE001  no thread can be started, say
                self._warn("on_lost could not be called", problem)

    def give_back(self, request_id: str, for_s: float) -> Future[bool]:
        """Cancel a request for locks, waiting or granted; retries for `for_s` seconds."""
        done: Future[bool] = Future()
        with self._lock:
            if self._stops_at < math.inf:
                done.set_result(False)
                return done
            self._returns.append((request_id, _clock.now() + for_s, done))
            self._open_returns += 1
            self._attend(0.0)
        return done

    def stop(self) -> threading.Thread | None:
        """Stop renewing; what is given back has two more seconds. Returns the ending thread."""
        with self._lock:
            self._stops_at = _clock.now() + SETTLE_S
            self._held.clear()
            if self._thread:
                self._attend(0.0)
            return self._thread

    def _attend(self, at: float) -> None:
        if self._thread is None:
            self._wakes_at = at
            self._start()
        elif at < self._wakes_at:
            self._wakes_at = at
            self._wake()

    def _start(self) -> None:
        self._run = None
        thread = threading.Thread(target=self._main, name="sharedstate-locks", daemon=True)
        thread.start()
        self._thread = thread

    def _wake(self) -> None:
        # Before the loop runs there is nothing to wake: its first wait heeds what was planned.
        if self._run is not None and not self._run.loop.is_closed():
            self._run.loop.call_soon_threadsafe(self._run.alarm.set)

    def _warn(self, what: str, problem: Exception) -> None:
        # Once for each client: the same failure may come at every renewal.
        if not self._has_warned:
            self._has_warned = True
            _log.error("%s", what, exc_info=problem)

    # --- inside the thread ---

    def _main(self) -> None:
        try:
            asyncio.run(self._work())
        finally:
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None  # it failed: the next lock starts it anew

    async def _work(self) -> None:
        run = _Run(asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._run = run
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                # Clocks of event loops take no infinity.
                pause_s = min(86400.0, max(0.0, self._wakes_at - _clock.now()))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(run.alarm.wait(), pause_s)
                run.alarm.clear()
                for work in self._due(run, _clock.now()):
                    tasks.add(task := asyncio.ensure_future(work))
                    task.add_done_callback(tasks.discard)
                if self._may_end(_clock.now()):
                    return
        finally:
            for task in tasks:
                task.cancel()
            if run.state is not None:
                await run.state.close()

    def _due(self, run: _Run, now: float) -> list[Coroutine[Any, Any, None]]:
        """What is to be done now."""
        with self._lock:
            self._held = {held for held in self._held if not (held.abandoned or held.is_ended)}
            lost = [held for held in self._held if now >= held.deadline]
            due = [h for h in self._held if h.due <= now < h.deadline and not h.is_renewing]
            for held in due:
                held.is_renewing = True
            returns, self._returns = self._returns, []
        for held in lost:
            self.lose(held)
        renewals = [self._renew(run, held) for held in due]
        return renewals + [self._return(run, *one) for one in returns]

    def _may_end(self, now: float) -> bool:
        """Plans the next look, unless there is nothing left to look after."""
        with self._lock:
            is_idle = not (self._held or self._open_returns)
            if is_idle or now >= self._stops_at:
                self._thread = None
                return True
            self._wakes_at = now if self._returns else min(next_look(self._held), self._stops_at)
        return False

    def _client(self, run: _Run) -> AsyncSharedState:
        # Most locks are released before their first renewal: they need none.
        if run.state is None:
            from sharedstate._async.client import AsyncSharedState

            service = copy.copy(self._service)
            service.retry = RetryPolicy(attempts=1)
            run.state = AsyncSharedState._of(self._execution_id, service)
        return run.state

    async def _renew(self, run: _Run, held: Held) -> None:
        sent = _clock.now()
        try:
            async with asyncio.timeout(held.patience_s(sent)):
                leases = await asyncio.gather(
                    *(
                        self._client(run).renew_lock(
                            lease.resource_type,
                            lease.resource_name,
                            held.ttl_seconds,
                            fencing_token=lease.fencing_token,
                        )
                        for lease in held.leases
                    )
                )
        except errors.LeaseLost as problem:
            held.problem = problem
            self.lose(held)
        except TimeoutError:
            late = errors.ServiceUnavailable("no answer to a renewal came in time")
            held.not_renewed(_clock.now(), late)
        except errors.SharedStateError as problem:
            held.not_renewed(_clock.now(), problem)
        except Exception as problem:  # noqa: BLE001  must neither end the thread nor make it spin
            held.not_renewed(_clock.now(), problem)
            self._warn("a lock could not be renewed", problem)
        else:
            held.renewed(sent, leases)
        finally:
            held.is_renewing = False
            run.alarm.set()

    async def _return(self, run: _Run, request_id: str, until: float, done: Future[bool]) -> None:
        pause, answer = 0.05, False
        try:
            while True:
                try:
                    answer = await self._client(run).cancel_lock_request(request_id)
                    return
                except errors.SharedStateError as problem:
                    is_final = problem.raised_by == "database" or type(problem) in _FINAL
                    if is_final or _clock.now() + pause >= until:
                        return
                await asyncio.sleep(pause)
                pause = min(2.0, pause * 2)
        finally:
            with self._lock:
                self._open_returns -= 1
            if not done.cancelled():
                done.set_result(answer)
            run.alarm.set()
