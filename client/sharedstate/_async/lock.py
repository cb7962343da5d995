"""Lock objects, and sets of leases that are given back together."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

from sharedstate import _clock
from sharedstate._arguments import request_id_of
from sharedstate._async.request import AsyncLockRequest, Wanted
from sharedstate._held import Held
from sharedstate._running import current_task, tell_in_task
from sharedstate.errors import LeaseLost
from sharedstate.types import Lease

if TYPE_CHECKING:
    from sharedstate._async.locks import AsyncLockMethods

OnLost = Callable[["AsyncLock"], object] | None


class AsyncLock:
    """A lock on one or several resources, with threading.Lock's interface. Made by `state.lock`.

    It may be released by another thread or task than acquired it. While it is held, it is renewed
    in the background; a process that was stopped for longer than its time loses it all the same.
    Until its first renewal, half a second after it was acquired, its time is 10 s at most.
    Once it is lost, `lost` is true, writes with its token raise LeaseLost, and so does its release.

    Threads or tasks may share it. To one that lost it, `token`, `lost` and `release` go on to speak
    of what it lost, whoever has acquired it since: its release raises LeaseLost and ends nothing.

    One that becomes garbage while it is held is renewed no more, and lapses.
    """

    def __init__(self, state: AsyncLockMethods, wanted: Wanted, on_lost: OnLost) -> None:
        self._state = state
        self._wanted = wanted
        self._on_lost = on_lost
        # At most one element, so that `remove` hands it to one caller only.
        self._slot: list[Held] = []
        # What each thread or task was granted last, until it releases.
        self._taken: WeakKeyDictionary[Any, Held] = WeakKeyDictionary()
        self._last: Held | None = None

    async def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it, waiting in line for `timeout` seconds, -1 for as long as it takes.

        True when it was acquired. Raises Deadlock when the wait would never end.
        """
        self._state._service.refuse_if_forked()
        wait_s = blocking_wait(blocking, timeout)
        on_lost = self._teller()
        request = AsyncLockRequest(self._state, self._wanted, wait_s)
        held: Held | None = None
        try:
            grant = await request.grant()
            if grant is None:
                return False
            held = Held(grant, self._wanted.ttl_seconds, _clock.now(), on_lost)
            self._state._keep(held)
            self._take(held)
        except BaseException:
            if held is not None:
                self._state._background.drop(held)
                self._state._forget(held)
            await self._state._withdraw(request)
            raise
        return True

    async def release(self) -> None:
        """Give it back. RuntimeError when it is not locked, LeaseLost when it had been lost."""
        self._state._service.refuse_if_forked()
        held = self._own() or next(iter(self._slot), None)
        if held is None:
            raise RuntimeError("release unlocked lock")
        try:
            self._let_go(held)
            await self._state._give(held)
        except BaseException:
            # Interrupted in between: what is not in the slot must not be renewed for ever.
            if held not in self._slot:
                held.is_ended = True
            raise

    async def locked(self) -> bool:
        """Whether anybody holds it: this object, or, by a look at the service, another."""
        if self._is_held():
            return True
        for resource in self._wanted.resources:
            if await self._state.get_lock(**resource):
                return True
        return False

    @property
    def lost(self) -> bool:
        """Whether the lease that was acquired last ended without being released.

        By this machine's clock alone, so it turns true in time also when nothing can be reached.
        """
        held = self._seen()
        return held is not None and held.has_lapsed(_clock.now())

    @property
    def lost_because(self) -> Exception | None:
        """Why it was lost: the error of the last renewal (ExpiredKey, LeaseLost, ...).

        None while it is not lost, and when nothing but its time is to blame.
        """
        held = self._seen()
        return held.problem if held is not None and held.has_lapsed(_clock.now()) else None

    @property
    def leases(self) -> tuple[Lease, ...]:
        """The leases that it holds, or held when they were lost; empty when unlocked."""
        held = self._seen()
        return () if held is None else held.leases

    @property
    def lease(self) -> Lease | None:
        """The first of `leases`, None when unlocked."""
        return next(iter(self.leases), None)

    @property
    def token(self) -> int | None:
        """The fencing token of `lease`, None when unlocked."""
        lease = self.lease
        return None if lease is None else lease.fencing_token

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(self, kind: object, problem: object, traceback: object) -> None:
        try:
            await self.release()
        except LeaseLost:
            if problem is None:
                raise

    def __del__(self) -> None:
        # No lock and no call here: this may run at any point of any thread.
        for held in self._slot:
            held.abandoned = True

    def __repr__(self) -> str:
        word = "locked" if self._is_held() else "unlocked"
        names = ", ".join("/".join(one.values()) for one in self._wanted.resources)
        return f"<{word} sharedstate.{type(self).__name__} object {names} at {id(self):#x}>"

    def _take(self, held: Held) -> None:
        for former in self._slot:  # it was lost, or nothing could have been granted
            self._state._background.lose(former)
        self._slot[:], self._last = [held], held
        self._taken[current_task()] = held

    def _let_go(self, held: Held) -> None:
        if self._taken.get(current_task()) is held:
            del self._taken[current_task()]
        try:
            self._slot.remove(held)
        except ValueError:
            if not held.is_lost:  # another thread or task was faster
                raise RuntimeError("release unlocked lock") from None

    def _own(self) -> Held | None:
        """What the running thread or task acquired and has not released, lost or not."""
        held = self._taken.get(current_task())
        return None if held is None or held.is_ended else held

    def _seen(self) -> Held | None:
        """What `lost` is about: the lease of the running thread or task, else the newest."""
        self._state._service.refuse_if_forked()
        held = self._own() or self._last
        return None if held is None or (held.is_ended and not held.is_lost) else held

    def _is_held(self) -> bool:
        return any(not held.has_lapsed(_clock.now()) for held in self._slot)

    def _teller(self) -> Callable[[], object] | None:
        if self._on_lost is None:
            return None
        on_lost, this, tell = self._on_lost, weakref.ref(self), tell_in_task()

        def call() -> object:
            lock = this()
            return None if lock is None else on_lost(lock)

        return lambda: tell(call)


class AsyncLeaseSet(tuple[Lease, ...]):
    """The leases that `acquire_locks` granted together; a context manager that releases all.

    They are not renewed by themselves; `state.locks` is.
    """

    def __new__(cls, state: AsyncLockMethods, leases: Iterable[Lease]) -> Self:
        made = super().__new__(cls, leases)
        made._state = state
        # With ids of their own, so that a release may be asked for again when an answer was lost.
        made._unreleased = [(lease, request_id_of(None)) for lease in made]
        made._lapsed = 0
        return made

    _state: AsyncLockMethods
    _unreleased: list[tuple[Lease, str]]
    _lapsed: int

    async def release(self) -> bool:
        """Give all of them back. False when any had lapsed; the others are released all the same.

        After an error the same call goes on with the rest; after an answer it does nothing.
        """
        while self._unreleased:
            lease, request_id = self._unreleased[0]
            released = await self._state.release_lock(
                lease.resource_type,
                lease.resource_name,
                fencing_token=lease.fencing_token,
                request_id=request_id,
            )
            self._unreleased.pop(0)
            self._lapsed += not released
        return not self._lapsed

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, problem: object, traceback: object) -> None:
        if not await self.release() and problem is None:
            raise LeaseLost(hint="The leases lapsed before the end of the block. Redo the work.")


def blocking_wait(blocking: bool, timeout: float) -> float:
    """The arguments of threading.Lock.acquire as seconds to wait, with its errors."""
    if not blocking:
        if timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        return 0.0
    if timeout == -1:
        return math.inf
    if not timeout >= 0:  # also NaN
        raise ValueError("timeout value must be a non-negative number")
    if timeout > threading.TIMEOUT_MAX:
        raise OverflowError("timeout value is too large")
    return float(timeout)
