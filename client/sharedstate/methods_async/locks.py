"""MADE FROM methods/locks.py by scripts/build_async.py: change that file, run the script."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from sharedstate import types
from sharedstate.calls import locks as calls
from sharedstate.errors import SharedStateError
from sharedstate.http.call import RequestId, known_request_id
from sharedstate.locking import waiting
from sharedstate.locking.background import TaskBackground
from sharedstate.locking.holding import Held
from sharedstate.locking.locks_async import AsyncLeaseSet, AsyncLock, lost_error
from sharedstate.locking.waiting import Asking, Grant, Wanted
from sharedstate.methods_async.core import AsyncCoreMethods


class AsyncLockMethods(AsyncCoreMethods):
    """What AsyncSharedState does about locks."""

    _background: TaskBackground

    # --- leases ---

    async def acquire_lock(
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
            >>> if await state.acquire_lock("subsystem", "power", "power_agent", wait_seconds=30):
            ...     try:
            ...         await state.update_subsystem_status("power", {"current_mass_kg": 9.5})
            ...     finally:
            ...         await state.release_lock("subsystem", "power")
        """
        wanted = Wanted(
            self.execution_id, ((resource_type, resource_name),), agent_name, ttl_seconds, priority
        )
        grant = await self._lease(wanted, wait_seconds, request_id)
        return None if grant is None else self._leases.note(grant.leases[0])

    async def acquire_locks(
        self,
        resources: Iterable[tuple[str, str]],
        agent_name: str,
        ttl_seconds: int = 300,
        wait_seconds: float = 0,
        priority: int = 3,
        *,
        request_id: RequestId = None,
    ) -> AsyncLeaseSet | None:
        """Take several locks, all or none: pairs of type and name. The rest as acquire_lock.

        While it waits it holds nothing. The result is a sequence of leases, and a context manager
        that gives all of them back, and raises LeaseLost when any had lapsed.

        Example:
            >>> pairs = [("subsystem", "skeleton"), ("subsystem", "power")]
            >>> leases = await state.acquire_locks(pairs, "system_architect", wait_seconds=30)
            >>> if leases:
            ...     async with leases:
            ...         ...
        """
        pairs = waiting.checked_resources(resources)
        wanted = Wanted(self.execution_id, pairs, agent_name, ttl_seconds, priority, several=True)
        grant = await self._lease(wanted, wait_seconds, request_id)
        if grant is None:
            return None
        for lease in grant.leases:
            self._leases.note(lease)
        return AsyncLeaseSet(self, grant.leases)

    async def renew_lock(
        self,
        resource_type: str,
        resource_name: str,
        ttl_seconds: int = 300,
        *,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> types.Lease:
        """Let the lease last `ttl_seconds` (1..86400) from now. LeaseLost when it is gone."""
        token = self._leases.needed(resource_type, resource_name, fencing_token)
        call = calls.renew_lock(
            self.execution_id, resource_type, resource_name, token, ttl_seconds, request_id
        )
        return await self._run(call)

    async def release_lock(
        self,
        resource_type: str,
        resource_name: str,
        *,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> bool:
        """Give a lock back and forget its token. False when it had lapsed or was not yours.

        It ends the lease that this task acquired, by its token; False means that somebody else
        may have worked on it since, so what was read before must be read again.

        Example:
            >>> if not await state.release_lock("subsystem", "skeleton"):
            ...     print("the lease had lapsed: was everything written before?")
        """
        token = self._leases.token(resource_type, resource_name, fencing_token)
        released = await self._run(
            calls.release_lock(self.execution_id, resource_type, resource_name, token, request_id)
        )
        self._leases.forget(resource_type, resource_name, token)
        return released

    async def wait_for_lock(self, request_id: str | UUID) -> types.LockWait:
        """How a request stands that was put in line. Raises Deadlock.

        For those who wait by themselves: `acquire_lock(..., wait_seconds=...)` does all of it.
        """
        return await self._run(calls.wait_for_lock(known_request_id(request_id)))

    async def cancel_lock_request(self, request_id: str | UUID) -> bool:
        """End a wait, or give back all that was granted to it. False when there was nothing.

        Repeated, it answers the same.
        """
        return await self._run(calls.cancel_lock_request(known_request_id(request_id)))

    async def get_lock(self, resource_type: str, resource_name: str) -> types.LockRow | None:
        """Who holds a lock and until when; None when nobody does. A plain read, so it is cheap.

        Who waits for it as well: get_lock_status.
        """
        return await self._run(calls.get_lock(self.workspace, resource_type, resource_name))

    async def get_lock_status(self, resource_type: str, resource_name: str) -> types.LockStatus:
        """Who holds a lock and until when, and who waits for it, in order.

        Its `holder` is what get_lock answers.
        """
        return await self._run(calls.get_lock_status(resource_type, resource_name))

    async def force_release_lock(
        self,
        resource_type: str,
        resource_name: str,
        released_by: str,
        reason: str,
        *,
        request_id: RequestId = None,
    ) -> types.LockRow | None:
        """Operators: take a lock away from whoever holds it. None when nobody does."""
        return await self._run(
            calls.force_release_lock(resource_type, resource_name, released_by, reason, request_id)
        )

    async def cleanup_expired_locks(self) -> int:
        """Remove the rows of lapsed leases; how many. Lapsed leases are free anyway."""
        return await self._run(calls.cleanup_expired_locks())

    # --- lock objects ---

    def lock(
        self,
        resource_type: str,
        resource_name: str,
        agent_name: str,
        ttl_seconds: int = 300,
        *,
        priority: int = 3,
        on_lost: Callable[[AsyncLock], object] | None = None,
    ) -> AsyncLock:
        """A lock with threading.Lock's interface, renewed in the background while it is held.

        Whatever keeps all other threads, or the event loop, from running for longer than
        `ttl_seconds` (1..86400) loses it.
        `on_lost(lock)` is called when the lease is lost, in the background.

        Example:
            >>> async with state.lock("subsystem", "skeleton", "skeleton_agent"):
            ...     await state.update_subsystem_status("skeleton", {"current_mass_kg": 12.5})
        """
        wanted = Wanted(
            self.execution_id, ((resource_type, resource_name),), agent_name, ttl_seconds, priority
        )
        return AsyncLock(self, wanted, on_lost)

    def locks(
        self,
        resources: Iterable[tuple[str, str]],
        agent_name: str,
        ttl_seconds: int = 300,
        *,
        priority: int = 3,
        on_lost: Callable[[AsyncLock], object] | None = None,
    ) -> AsyncLock:
        """One lock object for several resources, pairs of type and name: all or none of them."""
        pairs = waiting.checked_resources(resources)
        wanted = Wanted(self.execution_id, pairs, agent_name, ttl_seconds, priority, several=True)
        return AsyncLock(self, wanted, on_lost)

    # --- how ---

    async def _lease(
        self,
        wanted: Wanted,
        wait_seconds: float,
        request_id: RequestId,
    ) -> Grant | None:
        wait_s = waiting.checked_wait(wait_seconds)
        asking = Asking(wanted, wait_s, confirm=True, request_id=request_id)
        try:
            return await self._follow(asking)
        except BaseException as problem:
            # Whoever asks once is told the request_id when the outcome is unknown, to ask again.
            if wait_s or not isinstance(problem, SharedStateError):
                await self._withdraw(asking)
            raise

    async def _follow(self, asking: Asking) -> Grant | None:
        """Do what `asking` says until it has an outcome."""
        steps = asking.steps()
        answer: Any = None
        try:
            step = next(steps)
            while True:
                try:
                    if isinstance(step, float):
                        await self._pause(step)
                        answer = None
                    else:
                        answer = await self._run(step)
                except SharedStateError as problem:
                    step = steps.throw(problem)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            outcome: Grant | None = end.value
            return outcome

    async def _withdraw(self, asking: Asking) -> None:
        """After an interruption: end what may be in line or granted."""
        if asking.is_open:
            for_s = min(asking.wait_s, 60.0) + asking.wanted.ttl_seconds
            await self._background.settle(self._background.give_back(asking.request_id, for_s))

    def _keep(self, held: Held) -> None:
        """Renew from now on what a lock object was granted."""
        self._background.hold(held)
        for lease in held.leases:
            self._leases.note(lease)

    def _forget(self, held: Held) -> None:
        """Send its tokens no more."""
        for lease in held.leases:
            self._leases.forget(lease.resource_type, lease.resource_name, lease.fencing_token)

    async def _give(self, held: Held) -> None:
        """Release what a lock object holds. Raises LeaseLost when it held it no more."""
        lost: types.Lease | None = None
        try:
            self._background.drop(held)
            # Each by its token: only so is it known whether it was held until now.
            for lease in held.leases:
                call = calls.release_lock(
                    lease.execution_id, lease.resource_type, lease.resource_name,
                    lease.fencing_token, None,
                )  # fmt: skip
                if not await self._run(call):
                    lost = lost or lease
        except BaseException:
            rest_s = max(0.0, held.deadline - time.monotonic()) + 1.0
            await self._background.settle(self._background.give_back(held.request_id, rest_s))
            raise
        self._forget(held)
        if lost is not None:
            raise lost_error(held, lost)

    async def _is_held_by_anyone(self, wanted: Wanted) -> bool:
        """Whether somebody holds any of these."""
        holders = []
        for kind, name in wanted.resources:
            holders.append(await self.get_lock(kind, name))
        return any(holders)
