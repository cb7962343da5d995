"""The fencing tokens of the leases that one client acquired and did not give back."""

from __future__ import annotations

import threading

from sharedstate.errors import InvalidArgument
from sharedstate.types import Blocked, Checkout, Lease


class Leases:
    """Thread-safe notebook of tokens, by resource.

    A token stays noted when a write answers LeaseLost: a later write must fail as well, until
    the resource is acquired again or released.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, str], int] = {}

    def note(self, lease: Lease | None) -> Lease | None:
        """Remember what was granted, and pass it on."""
        if lease is not None:
            with self._lock:
                self._tokens[lease.resource_type, lease.resource_name] = lease.fencing_token
        return lease

    def note_checkout(self, checkout: Checkout | Blocked | None) -> Checkout | Blocked | None:
        """Remember the lease of a checkout, and pass it on."""
        if checkout:
            self.note(checkout.lease)
        return checkout

    def token(self, resource_type: str, resource_name: str, explicit: int | None) -> int | None:
        """The explicit token, else the remembered one, else None."""
        if explicit is not None:
            return explicit
        with self._lock:
            return self._tokens.get((resource_type, resource_name))

    def needed(self, resource_type: str, resource_name: str, explicit: int | None) -> int:
        """As `token`, but InvalidArgument when there is none."""
        token = self.token(resource_type, resource_name, explicit)
        if token is None:
            raise InvalidArgument.of(
                "fencing_token",
                f"no lease of {resource_type} {resource_name} was acquired here",
                hint="Acquire it first, or pass the token of the lease.",
            )
        return token

    def forget(self, resource_type: str, resource_name: str, token: int | None) -> None:
        """Forget this token, unless a newer lease has taken its place meanwhile."""
        with self._lock:
            if self._tokens.get((resource_type, resource_name)) == token:
                self._tokens.pop((resource_type, resource_name), None)

    def renew_lock_after_fork(self) -> None:
        """In a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()
