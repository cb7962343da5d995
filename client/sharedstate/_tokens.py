"""The fencing tokens of the leases that one client holds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from sharedstate.errors import InvalidArgument
from sharedstate.types import Lease


class _Notes:
    """The tokens of one resource: the newest, and that of each thread or task."""

    def __init__(self) -> None:
        self.newest: int | None = None
        # Weak: a thread or task that ended without a release leaves nothing here.
        self.own: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


class Tokens:
    """Thread-safe store of tokens, by resource and by the thread or task that acquired it.

    Whoever acquired a resource is given its own token, never that of another thread or task of the
    same client: with that one, a write that comes too late would pass. Who acquired nothing of it,
    a helper, is given the newest.

    A token stays noted when a write answers LeaseLost: a later write must fail as well, until
    the resource is acquired again or released.

    Args:
        me: who is running; something hashable that can be referred to weakly.
        check: called first, to refuse whoever may not use the client.
    """

    def __init__(self, me: Callable[[], Any], check: Callable[[], None]) -> None:
        self._me, self._check = me, check
        self._lock = threading.RLock()  # a signal handler may interrupt its own thread
        self._notes: dict[tuple[str, str], _Notes] = {}

    def note(self, lease: Lease) -> None:
        """Remember a lease of the running thread or task."""
        with self._lock:
            notes = self._notes.setdefault((lease.resource_type, lease.resource_name), _Notes())
            notes.newest = notes.own[self._me()] = lease.fencing_token

    def of(self, resource_type: str, resource_name: str, explicit: int | None) -> int | None:
        """The explicit token, else that of the running thread or task, else the newest."""
        self._check()
        if explicit is not None:
            return explicit
        with self._lock:
            notes = self._notes.get((resource_type, resource_name))
            return None if notes is None else notes.own.get(self._me(), notes.newest)

    def needed(self, resource_type: str, resource_name: str, explicit: int | None) -> int:
        """As `of`, but InvalidArgument when there is none."""
        token = self.of(resource_type, resource_name, explicit)
        if token is None:
            raise InvalidArgument.of(
                "fencing_token",
                f"no lease of {resource_type} {resource_name} was acquired here",
                hint="Acquire it first, or pass the token of the lease.",
            )
        return token

    def forget(self, resource_type: str, resource_name: str, token: int | None) -> None:
        """Forget this token, whoever acquired it; newer ones of the resource stay."""
        with self._lock:
            notes = self._notes.get((resource_type, resource_name))
            if notes is None:
                return
            for one in [one for one, noted in notes.own.items() if noted == token]:
                del notes.own[one]
            if notes.newest == token:
                notes.newest = None
            if notes.newest is None and not notes.own:
                del self._notes[resource_type, resource_name]
