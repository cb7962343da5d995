"""Lock objects. locks_async.py is made from this file; what they send: methods/locks.py."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

from sharedstate.errors import LeaseLost
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
    background; a process that was stopped for longer than its time loses it all the same. Then
    `lost` turns true, writes with its token raise LeaseLost, and so does its release.

    In a forked child it is not held. One that becomes garbage while it is held is renewed no more,
    and lapses.
    """

    def __init__(self, state: LockMethods, wanted: Wanted, on_lost: OnLost) -> None:
        self._state = state
        self._wanted = wanted
        self._on_lost = on_lost
        # At most one element, so that `pop` hands it to one caller only.
        self._slot: list[Held] = []
        self._entered: dict[Any, Held] = {}
        self._last: Held | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it, waiting in line for `timeout` seconds, -1 for as long as it takes.

        True when it was acquired. Raises Deadlock when the wait would never end.
        """
        return self._acquire(waiting.blocking_wait(blocking, timeout))

    def release(self) -> None:
        """Give it back. RuntimeError when it is not locked, LeaseLost when it had been lost."""
        try:
            held = self._slot.pop()
        except IndexError:
            raise RuntimeError("release unlocked lock") from None
        if held.pid == os.getpid():
            self._state._give(held)

    def locked(self) -> bool:
        """Whether anybody holds it: this object, or, by a look at the service, another."""
        return self._mine() is not None or self._state._is_held_by_anyone(self._wanted)

    @property
    def lost(self) -> bool:
        """Whether the lease that was acquired last ended without being released.

        By this machine's clock alone, so it turns true in time also when nothing can be reached.
        """
        held = self._last
        if held is None or held.pid != os.getpid() or (held.is_ended and not held.is_lost):
            return False
        return held.has_lapsed(time.monotonic())

    @property
    def leases(self) -> tuple[Lease, ...]:
        """The leases that it holds, or held when they were lost; empty when unlocked."""
        held = self._last
        if held is None or held.pid != os.getpid() or (held.is_ended and not held.is_lost):
            return ()
        return held.leases

    @property
    def lease(self) -> Lease | None:
        """The first of `leases`, None when unlocked."""
        return next(iter(self.leases), None)

    @property
    def token(self) -> int | None:
        """The fencing token of `lease`, None when unlocked."""
        lease = self.lease
        return None if lease is None else lease.fencing_token

    def __enter__(self) -> Lock:
        self.acquire()
        if (held := self._last) is not None:
            self._entered[self._state._background.me()] = held
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What this block acquired, not what another thread was given after it was lost here.
        held = self._entered.pop(self._state._background.me(), None)
        try:
            if held is None or held.is_ended or held in self._slot:
                self.release()
            elif held.pid == os.getpid():
                self._state._give(held)
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
        # Short at first; see holding.Held.
        first = min(ttl, PROVISIONAL_S) if isinstance(ttl, int) else ttl
        asking = Asking(self._wanted, wait_s, ttl_seconds=first)
        try:
            grant = self._state._follow(asking)
            if grant is None:
                return False
            held = Held(grant, ttl, self._teller())
            self._state._keep(held)
            self._take(held)
        except BaseException:
            self._state._withdraw(asking)
            raise
        return True

    def _take(self, held: Held) -> None:
        # Whatever was here was lost, or nothing could have been granted.
        former, self._slot[:], self._last = self._slot[:], [held], held
        for one in former:
            self._state._background.lose(one)

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

    def _at_fork_reinit(self) -> None:
        """Unlocked again. What this process holds is given back."""
        for held in self._slot:
            if held.pid == os.getpid():
                self._state._background.drop(held)
                self._state._background.give_back(held.request_id, float(held.ttl_seconds))
        self._slot, self._entered, self._last = [], {}, None


class RLock(Lock):
    """The same with threading.RLock's interface: its owner, a thread, may acquire it again.

    To the service it is one lease, which ends with the last release.
    """

    _owner: Any = None
    _count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As Lock.acquire; True at once for its owner. LeaseLost if the owner has lost it."""
        wait_s = waiting.blocking_wait(blocking, timeout)
        if self._is_owned():
            if self._mine() is None:
                raise LeaseLost(hint="It was lost in between. Release it, and redo the work.")
            self._count += 1
            return True
        if not self._acquire(wait_s):
            return False
        self._owner, self._count = self._state._background.me(), 1
        return True

    def release(self) -> None:
        """One step back; the last gives the lease back. RuntimeError when not its owner."""
        if not self._is_owned():
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = None
            super().release()

    def __enter__(self) -> RLock:
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

    def _is_owned(self) -> bool:
        return self._owner == self._state._background.me() and bool(self._slot)

    def _recursion_count(self) -> int:
        return self._count if self._is_owned() else 0

    def _release_save(self) -> tuple[int, Any]:
        if not self._is_owned():
            raise RuntimeError("cannot release un-acquired lock")
        saved = self._count, self._owner
        self._count = 1
        self.release()
        return saved

    def _acquire_restore(self, saved: tuple[int, Any]) -> None:
        self._acquire(waiting.blocking_wait(True, -1))
        self._count, self._owner = saved

    def _at_fork_reinit(self) -> None:
        super()._at_fork_reinit()
        self._owner, self._count = None, 0


class LeaseSet(Sequence[Lease]):
    """The leases that `acquire_locks` granted together; a context manager that releases all.

    They are not renewed by themselves; `state.locks` is.
    """

    def __init__(self, state: LockMethods, leases: Sequence[Lease]) -> None:
        self._state = state
        self._leases = tuple(leases)
        self._is_released = False

    def release(self) -> bool:
        """Give all of them back. False when any had lapsed; a second time does nothing."""
        if self._is_released:
            return True
        kept = True
        for lease in self._leases:
            kept &= self._state.release_lock(
                lease.resource_type, lease.resource_name, fencing_token=lease.fencing_token
            )
        self._is_released = True
        return kept

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


def lost_error(held: Held) -> LeaseLost:
    """The error for a lock that was not held until its release."""
    lease = held.leases[0]
    return LeaseLost(
        detail={
            "resource_type": lease.resource_type,
            "resource_name": lease.resource_name,
            "fencing_token": lease.fencing_token,
        },
        hint="The lock was lost before it was released. Read again, and redo the work.",
        request_id=held.request_id,
    )
