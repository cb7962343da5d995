"""Locks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from sharedstate import _clock, types
from sharedstate._arguments import RequestId, pairs_of, request_id_of
from sharedstate._held import Held
from sharedstate._rows import (
    boolean,
    first_or_none,
    integer,
    lease,
    lock_wait,
    row,
    row_or_none,
    was_row,
)
from sharedstate._running import settle_thread
from sharedstate._sync.base import Methods
from sharedstate._sync.lock import LeaseSet, Lock
from sharedstate._sync.request import LockRequest, Wanted, checked_wait
from sharedstate.config import checked_name
from sharedstate.errors import InvalidArgument, LeaseLost, SharedStateError


class LockMethods(Methods):
    """What a client does about locks."""

    # --- leases ---

    def acquire_lock(
        self,
        resource_type: str,
        resource_name: str,
        agent_name: str,
        ttl_seconds: int = 300,
        wait_seconds: float = 0,
        priority: int = 3,
        *,
        request_id: RequestId = None,
    ) -> types.Lease | None:
        """Take a lock for `ttl_seconds` (1..86400). None when it is held, also by yourself.

        `wait_seconds` (up to 86400): wait in line for so long, in order of arrival; each step of
        `priority` (1..4, 1 is first) is worth 30 s of arrival time. An interrupted or timed out
        wait leaves nothing behind. Raises Deadlock when the wait would never end. It is not renewed
        by itself: `lock` is.

        Example:
            >>> if state.acquire_lock("subsystem", "power", "power_agent", wait_seconds=30):
            ...     try:
            ...         state.update_subsystem_status("power", {"current_mass_kg": 9.5})
            ...     finally:
            ...         state.release_lock("subsystem", "power")
        """
        wanted = Wanted(
            pairs_of([(resource_type, resource_name)]), agent_name, ttl_seconds, priority
        )
        granted = self._lease(wanted, wait_seconds, request_id)
        return granted[0] if granted else None

    def acquire_locks(
        self,
        resources: Iterable[tuple[str, str]],
        agent_name: str,
        ttl_seconds: int = 300,
        wait_seconds: float = 0,
        priority: int = 3,
        *,
        request_id: RequestId = None,
    ) -> LeaseSet | None:
        """Take several locks, all or none: pairs of type and name. The rest as acquire_lock.

        While it waits it holds nothing. The result is a sequence of leases, and a context manager
        that gives all of them back, and raises LeaseLost when any had lapsed.

        Example:
            >>> pairs = [("subsystem", "skeleton"), ("subsystem", "power")]
            >>> leases = state.acquire_locks(pairs, "system_architect", wait_seconds=30)
            >>> if leases:
            ...     with leases:
            ...         ...
        """
        wanted = Wanted(pairs_of(resources), agent_name, ttl_seconds, priority, several=True)
        granted = self._lease(wanted, wait_seconds, request_id)
        return LeaseSet(self, granted) if granted else None

    def renew_lock(
        self,
        resource_type: str,
        resource_name: str,
        ttl_seconds: int = 300,
        *,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> types.Lease:
        """Let the lease last `ttl_seconds` (1..86400) from now. LeaseLost when it is gone."""
        params = {
            "resource_type": resource_type,
            "resource_name": resource_name,
            "fencing_token": self._tokens.needed(resource_type, resource_name, fencing_token),
            "ttl_seconds": ttl_seconds,
        }
        return self._change("renew_lock", params, lease, request_id)

    def release_lock(
        self,
        resource_type: str,
        resource_name: str,
        *,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> bool:
        """Give a lock back and forget its token. False when it had lapsed or was not yours.

        It ends the lease that this thread or task acquired, by its token; False means that somebody
        else may have worked on it since, so what was read before must be read again.

        Example:
            >>> if not state.release_lock("subsystem", "skeleton"):
            ...     print("the lease had lapsed: was everything written before?")
        """
        token = self._tokens.of(resource_type, resource_name, fencing_token)
        params = {
            "resource_type": resource_type,
            "resource_name": resource_name,
            "fencing_token": token,
        }
        released = self._change("release_lock", params, was_row, request_id)
        self._tokens.forget(resource_type, resource_name, token)
        return released

    def wait_for_lock(self, request_id: str | UUID) -> types.LockWait:
        """The state of a waiting request: poll it again after `retry_ms`. Raises Deadlock.

        For those who wait by themselves: `acquire_lock(..., wait_seconds=...)` does all of it.
        """
        params = {"request_id": _known(request_id)}
        return self._rpc("wait_for_lock", params, lock_wait)

    def cancel_lock_request(self, request_id: str | UUID) -> bool:
        """Cancel a request: leave the queue, or release what was granted. False for nothing to end.

        Repeated, it answers the same.
        """
        params = {"request_id": _known(request_id)}
        return self._rpc("cancel_lock_request", params, boolean)

    def get_lock(self, resource_type: str, resource_name: str) -> types.LockRow | None:
        """Who holds a lock and until when; None when nobody does. A plain read, so it is cheap.

        Who waits for it as well: get_lock_status.
        """
        query = self._rows("agent_locks")
        query = query.eq("resource_type", checked_name(resource_type, "resource_type"))
        query = query.eq("resource_name", checked_name(resource_name, "resource_name"))
        # Postgres reads 'now' as its own clock, the only one that tells whether a lease has ended.
        return self._read(query.gt("expires_at", "now"), first_or_none)

    def get_lock_status(self, resource_type: str, resource_name: str) -> types.LockStatus:
        """Who holds a lock and until when, and who waits for it, in order.

        Its `holder` is what get_lock answers.
        """
        params = {"resource_type": resource_type, "resource_name": resource_name}
        return self._rpc("get_lock_status", params, _lock_status)

    def force_release_lock(
        self,
        resource_type: str,
        resource_name: str,
        released_by: str,
        reason: str,
        *,
        request_id: RequestId = None,
    ) -> types.LockRow | None:
        """Operators: take a lock away from whoever holds it. None when nobody does."""
        params = {
            "resource_type": resource_type,
            "resource_name": resource_name,
            "released_by": released_by,
            "reason": reason,
            "request_id": request_id,
        }
        return self._rpc("force_release_lock", params, row_or_none)

    def cleanup_expired_locks(self) -> int:
        """Remove the rows of lapsed leases; how many. Lapsed leases are free anyway."""
        return self._rpc("cleanup_expired_locks", {}, integer, changes=True)

    # --- lock objects ---

    def lock(
        self,
        resource_type: str,
        resource_name: str,
        agent_name: str,
        ttl_seconds: int = 300,
        *,
        priority: int = 3,
        on_lost: Callable[[Lock], object] | None = None,
    ) -> Lock:
        """A lock with threading.Lock's interface, renewed in the background while it is held.

        What stops all threads of the process for longer than `ttl_seconds` (1..86400) loses it; an
        event loop that is busy does not.
        `on_lost(lock)` is called when the lease is lost, in the background.

        Example:
            >>> with state.lock("subsystem", "skeleton", "skeleton_agent"):
            ...     state.update_subsystem_status("skeleton", {"current_mass_kg": 12.5})
        """
        wanted = Wanted(
            pairs_of([(resource_type, resource_name)]), agent_name, ttl_seconds, priority
        )
        return Lock(self, wanted, on_lost)

    def locks(
        self,
        resources: Iterable[tuple[str, str]],
        agent_name: str,
        ttl_seconds: int = 300,
        *,
        priority: int = 3,
        on_lost: Callable[[Lock], object] | None = None,
    ) -> Lock:
        """One lock object for several resources, pairs of type and name: all or none of them."""
        wanted = Wanted(pairs_of(resources), agent_name, ttl_seconds, priority, several=True)
        return Lock(self, wanted, on_lost)

    # --- for lock objects ---

    def _lease(
        self, wanted: Wanted, wait_seconds: float, request_id: RequestId
    ) -> tuple[types.Lease, ...]:
        self._service.refuse_if_forked()
        wait_s = checked_wait(wait_seconds)
        request = LockRequest(self, wanted, wait_s, in_full=True, request_id=request_id)
        try:
            grant = request.grant()
        except BaseException as problem:
            # Whoever asks once is told the request_id when the outcome is unknown, to ask again.
            if wait_s or not isinstance(problem, SharedStateError):
                self._withdraw(request)
            raise
        granted = () if grant is None else grant.leases
        for one in granted:
            self._tokens.note(one)
        return granted

    def _withdraw(self, request: LockRequest) -> None:
        """After an interruption: cancel a request that may be waiting or granted."""
        if request.is_open:
            for_s = min(request.wait_s, 60.0) + request.wanted.ttl_seconds
            settle_thread(self._background.give_back(request.request_id, for_s))

    def _keep(self, held: Held) -> None:
        """Renew the leases of a lock object from now on."""
        self._background.hold(held)
        for one in held.leases:
            self._tokens.note(one)

    def _forget(self, held: Held) -> None:
        """Stop sending the tokens of a lock object."""
        for one in held.leases:
            self._tokens.forget(one.resource_type, one.resource_name, one.fencing_token)

    def _give(self, held: Held) -> None:
        """Release what a lock object holds. Raises LeaseLost when it held it no more."""
        # The holder was told that it is lost, so it is, even if the database still has it.
        lost = held.leases[0] if held.has_lapsed(_clock.now()) else None
        try:
            self._background.drop(held)
            # Each by its token: only so is it known whether it was held until now.
            for one in held.leases:
                if not self.release_lock(
                    one.resource_type, one.resource_name, fencing_token=one.fencing_token
                ):
                    lost = lost or one
        except BaseException:
            rest_s = max(0.0, held.deadline - _clock.now()) + 1.0
            settle_thread(self._background.give_back(held.request_id, rest_s))
            raise
        if lost is not None:
            raise _lost_error(held, lost)


def _known(request_id: str | UUID) -> str:
    if request_id is None:
        raise InvalidArgument.of("request_id", "is no uuid", value=request_id)
    return request_id_of(request_id)


def _lock_status(answer: Any) -> types.LockStatus:
    found = row(answer)
    return types.LockStatus(
        resource_type=found["resource_type"],
        resource_name=found["resource_name"],
        holder=row_or_none(found["holder"]),
        queue=found["queue"] or [],
    )


def _lost_error(held: Held, one: types.Lease) -> LeaseLost:
    """The error for a lock that was not held until its release."""
    return LeaseLost(
        detail={
            "resource_type": one.resource_type,
            "resource_name": one.resource_name,
            "fencing_token": one.fencing_token,
        },
        hint="The lock was lost before it was released. Read again, and redo the work.",
        request_id=held.request_id,
    )
