"""Lock objects. locks_async.py is made from this file; what they send: methods/locks.py."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, overload
from weakref import WeakKeyDictionary

from sharedstate.errors import LeaseLost
from sharedstate.http.call import new_request_id
from sharedstate.locking import waiting
from sharedstate.locking.holding import Held
from sharedstate.locking.waiting import PROVISIONAL_S, Asking, Wanted
from sharedstate.types import Lease

if TYPE_CHECKING:
    from sharedstate.methods.locks import LockMethods

OnLost = Callable[["Lock"], object] | None


class Lock:
    """A lock on one or several resources, with threading.Lock's interface. Made by `state.lock`.

    It may be released by another thread than acquired it. While it is held, it is renewed in the
    background; a process that was stopped for longer than its time loses it all the same.
    Until its first renewal, half a second after it was acquired, its time is 10 s at most.
    Once it is lost, `lost` is true, writes with its token raise LeaseLost, and so does its release.

    Threads may share it. To one that lost it, `token`, `lost` and `release` go on to speak of what
    it lost, whoever has acquired it since: its release raises LeaseLost and ends nothing.

    In a forked child it is not held. One that becomes garbage while it is held is renewed no more,
    and lapses.
    """

    def __init__(self, state: LockMethods, wanted: Wanted, on_lost: OnLost) -> None:
        self._state = state
        self._wanted = wanted
        self._on_lost = on_lost
        # At most one element, so that `remove` hands it to one caller only.
        self._slot: list[Held] = []
        # What each thread was granted last, until it releases.
        self._taken: WeakKeyDictionary[Any, Held] = WeakKeyDictionary()
        self._last: Held | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it, waiting in line for `timeout` seconds, -1 for as long as it takes.

        True when it was acquired. Raises Deadlock when the wait would never end.
        """
        return self._acquire(waiting.blocking_wait(blocking, timeout))

    def release(self) -> None:
        """Give it back. RuntimeError when it is not locked, LeaseLost when it had been lost."""
        held = self._own() or next(iter(self._slot), None)
        if held is None:
            raise RuntimeError("release unlocked lock")
        try:
            self._let_go(held)
            if held.pid == os.getpid():
                self._state._give(held)
        except BaseException:
            # Interrupted in between: what is not in the slot must not be renewed for ever.
            if held not in self._slot:
                held.is_ended = True
            raise

    def locked(self) -> bool:
        """Whether anybody holds it: this object, or, by a look at the service, another."""
        return self._mine() is not None or self._state._is_held_by_anyone(self._wanted)

    @property
    def lost(self) -> bool:
        """Whether the lease that was acquired last ended without being released.

        By this machine's clock alone, so it turns true in time also when nothing can be reached.
        """
        held = self._seen()
        return held is not None and held.has_lapsed(time.monotonic())

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

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.release()
        except LeaseLost:
            if problem is None:
                raise

    def __del__(self) -> None:
        # No lock and no call here: this may run at any point of any thread.
        for held in self._slot:
            held.abandoned = True

    def __repr__(self) -> str:
        word = "unlocked" if self._mine() is None else "locked"
        names = ", ".join(f"{kind}/{name}" for kind, name in self._wanted.resources)
        kind = type(self)
        return f"<{word} {kind.__module__}.{kind.__qualname__} object {names} at {id(self):#x}>"

    def _acquire(self, wait_s: float) -> bool:
        ttl = self._wanted.ttl_seconds
        background = self._state._background
        # Short at first; see holding.Held.
        asking = Asking(
            self._wanted,
            wait_s,
            ttl_seconds=min(ttl, PROVISIONAL_S),
            confirm=background.CONFIRMS_FIRST and ttl > PROVISIONAL_S,
        )
        held: Held | None = None
        try:
            grant = self._state._follow(asking)
            if grant is None:
                return False
            held = Held(grant, ttl, time.monotonic(), self._teller())
            self._state._keep(held)
            self._take(held)
        except BaseException:
            if held is not None:
                background.drop(held)
                self._state._forget(held)
            self._state._withdraw(asking)
            raise
        return True

    def _take(self, held: Held) -> None:
        for former in self._slot:  # it was lost, or nothing could have been granted
            if former.pid == os.getpid():  # else the parent's, who still holds it
                self._state._background.lose(former)
        self._slot[:], self._last = [held], held
        self._taken[self._state._background.me()] = held

    def _let_go(self, held: Held) -> None:
        if self._taken.get(self._state._background.me()) is held:
            del self._taken[self._state._background.me()]
        try:
            self._slot.remove(held)
        except ValueError:
            if not held.is_lost:  # another thread was faster
                raise RuntimeError("release unlocked lock") from None

    def _own(self) -> Held | None:
        """What the running thread acquired and nobody released yet, lost or not."""
        held = self._taken.get(self._state._background.me())
        return None if held is None or held.is_ended else held

    def _seen(self) -> Held | None:
        """What the running thread is told about: its own, else what was acquired last."""
        held = self._own() or self._last
        if held is None or held.pid != os.getpid() or (held.is_ended and not held.is_lost):
            return None
        return held

    def _mine(self) -> Held | None:
        for held in self._slot:
            if held.pid == os.getpid() and not held.has_lapsed(time.monotonic()):
                return held
        return None

    def _teller(self) -> Callable[[], object] | None:
        if self._on_lost is None:
            return None
        on_lost, this = self._on_lost, weakref.ref(self)

        def tell() -> object:
            lock = this()
            return None if lock is None else on_lost(lock)

        return tell


class LeaseSet(Sequence[Lease]):
    """The leases that `acquire_locks` granted together; a context manager that releases all.

    They are not renewed by themselves; `state.locks` is. In a forked child they are the parent's,
    and no end of a block releases them.
    """

    def __init__(self, state: LockMethods, leases: Sequence[Lease]) -> None:
        self._state = state
        self._pid = os.getpid()
        self._leases = tuple(leases)
        # With ids of their own, so that a release may be asked for again when an answer was lost.
        self._unreleased = [(lease, new_request_id()) for lease in leases]
        self._lapsed = 0

    def release(self) -> bool:
        """Give all of them back. False when any had lapsed; the others are released all the same.

        After an error the same call goes on with the rest; after an answer it does nothing, and in
        a forked child it never does anything.
        """
        while self._unreleased and self._pid == os.getpid():
            lease, request_id = self._unreleased[0]
            released = self._state.release_lock(
                lease.resource_type,
                lease.resource_name,
                fencing_token=lease.fencing_token,
                request_id=request_id,
            )
            self._unreleased.pop(0)
            self._lapsed += not released
        return not self._lapsed

    def __enter__(self) -> LeaseSet:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.release() and problem is None:
            raise LeaseLost(hint="The leases lapsed before the end of the block. Redo the work.")

    @overload
    def __getitem__(self, index: int) -> Lease: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Lease]: ...

    def __getitem__(self, index: int | slice) -> Lease | Sequence[Lease]:
        return self._leases[index]

    def __len__(self) -> int:
        return len(self._leases)

    def __iter__(self) -> Iterator[Lease]:
        return iter(self._leases)

    def __repr__(self) -> str:
        return f"LeaseSet({list(self._leases)!r})"


def lost_error(held: Held, lease: Lease) -> LeaseLost:
    """The error for a lock that was not held until its release; `lease` is what was lost."""
    return LeaseLost(
        detail={
            "resource_type": lease.resource_type,
            "resource_name": lease.resource_name,
            "fencing_token": lease.fencing_token,
        },
        hint="The lock was lost before it was released. Read again, and redo the work.",
        request_id=held.request_id,
    )
