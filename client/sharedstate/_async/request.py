"""Asking for locks, and waiting in line for them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from sharedstate import _clock, types
from sharedstate._arguments import RequestId, pause_of, request_id_of, seconds_of, whole
from sharedstate._async.base import AsyncMethods
from sharedstate._held import Grant
from sharedstate._rows import boolean, lease, leases, lock_wait
from sharedstate.errors import (
    Deadlock,
    LeaseLost,
    OutcomeUnknown,
    ServiceUnavailable,
    SharedStateError,
)

# What a lease that was asked for with a wait lasts until it is confirmed (core.write_lease).
PROVISIONAL_S = 10
MAX_TTL_S = 86400
# The longest wait that the database takes in one request; a longer one is asked for again.
MAX_WAIT_S = 86400.0
# How long a waiter goes on asking while the service does not answer.
_OUTAGE_S = 30.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Locks that an agent wants, all of them or none."""

    resources: list[dict[str, str]]  # of each, resource_type and resource_name
    agent_name: str
    ttl_seconds: int
    priority: int
    several: bool = False

    def __post_init__(self) -> None:
        whole(self.ttl_seconds, "ttl_seconds", 1, MAX_TTL_S)

    def named(self) -> tuple[str, dict[str, Any]]:
        """The function that takes them, and the parameters that say which."""
        if self.several:
            return "acquire_locks", {"resources": self.resources}
        return "acquire_lock", self.resources[0]


class AsyncLockRequest:
    """One request for locks, for `wait_s` seconds: 0 asks once, infinity waits for ever.

    `request_id` is the one under which the service knows the wish; `is_open` tells whether there
    may be something under it, a place in line or a grant.

    Args:
        in_full: ask for the whole time at once, and make a provisional grant last before it is
            returned. Else for a short time at first; see Held.
    """

    def __init__(
        self,
        state: AsyncMethods,
        wanted: Wanted,
        wait_s: float,
        *,
        in_full: bool = False,
        request_id: RequestId = None,
    ) -> None:
        self.wanted, self.wait_s = wanted, wait_s
        self.request_id = request_id_of(request_id)
        self.is_open = False
        self._state = state
        self._in_full = in_full
        at_first_s = MAX_TTL_S if in_full else PROVISIONAL_S
        self._ttl_seconds = min(wanted.ttl_seconds, at_first_s)
        self._ends = _clock.now() + wait_s
        # The time limit of its calls is that of the wait, and little more.
        self._until = self._ends if wait_s else math.inf

    async def grant(self) -> Grant | None:
        """Take the locks; None when others hold them until the end of the wait.

        Raises Deadlock when the wait would never end.
        """
        try:
            left_s = self.wait_s
            while True:
                grant = await self._once(left_s)
                if grant is not None or not self.wait_s:
                    return grant
                # Time is up, or the place in the queue is gone. It may have been granted meanwhile.
                if self.is_open:
                    await self._cancel()
                left_s = self._ends - _clock.now()
                if left_s <= 0:
                    return None
                self.request_id = request_id_of(None)
                await self._state._pause(min(0.05, left_s))
        except SharedStateError as problem:
            # A renewal has an id of its own; to repeat the call, the id of the request is needed.
            problem.request_id = self.request_id
            if "request_id" in problem.detail:
                problem.detail["request_id"] = self.request_id
            raise

    async def _once(self, left_s: float) -> Grant | None:
        # A grant is later than the sending of the last call that was answered "not yet".
        since = _clock.now()
        self.is_open = True
        try:
            granted = await self._insist(*self._acquire(left_s), leases)
        except SharedStateError as problem:
            self.is_open = problem.raised_by != "database"  # a refusal leaves nothing behind
            raise
        if granted:
            return await self._granted(granted, since)
        if not self.wait_s:
            self.is_open = False
            return None
        return await self._wait_in_line(since)

    def _acquire(self, left_s: float) -> tuple[str, dict[str, Any]]:
        function, resources = self.wanted.named()
        return function, {
            **resources,
            "agent_name": self.wanted.agent_name,
            "execution_id": self._state.execution_id,
            "ttl_seconds": self._ttl_seconds,
            "wait_seconds": min(left_s, MAX_WAIT_S),
            "priority": self.wanted.priority,
            "request_id": self.request_id,
        }

    async def _wait_in_line(self, since: float) -> Grant | None:
        while True:
            sent = _clock.now()
            try:
                params = {"request_id": self.request_id}
                answer: types.LockWait = await self._insist("wait_for_lock", params, lock_wait)
            except Deadlock:
                await self._cancel()
                raise
            if answer.state == "granted":
                return await self._granted(answer.leases, since)
            if answer.state == "gone":
                return None
            since = sent
            left_s = self._ends - _clock.now()
            if left_s <= 0:
                return None
            # The last pause ends with the time, and one more look follows it.
            await self._state._pause(min(pause_of(answer.retry_ms), left_s))

    async def _granted(self, granted: tuple[types.Lease, ...], since: float) -> Grant | None:
        is_provisional = any(one.provisional for one in granted)
        lifetime_s = float(min(self._ttl_seconds, PROVISIONAL_S if is_provisional else math.inf))
        is_whole = len(granted) == len({tuple(one.values()) for one in self.wanted.resources})
        if not is_whole or _clock.now() >= since + lifetime_s:
            # Of a set, one was taken away since it was granted; or the answer was so long on its
            # way that the lease may have ended before it came.
            await self._cancel()
            return None
        if self._in_full and is_provisional:
            since, lifetime_s = _clock.now(), float(self.wanted.ttl_seconds)
            try:
                granted = tuple([await self._renewed(one) for one in granted])
            except LeaseLost:
                await self._cancel()
                return None
        return Grant(granted, self.request_id, since, lifetime_s)

    async def _renewed(self, granted: types.Lease) -> types.Lease:
        params = {
            "resource_type": granted.resource_type,
            "resource_name": granted.resource_name,
            "execution_id": granted.execution_id,
            "fencing_token": granted.fencing_token,
            "ttl_seconds": self.wanted.ttl_seconds,
            "request_id": None,
        }
        return await self._state._rpc("renew_lock", params, lease, until=self._until)

    async def _cancel(self) -> None:
        params = {"request_id": self.request_id}
        await self._state._rpc("cancel_lock_request", params, boolean, until=self._until)
        self.is_open = False

    async def _insist(self, function: str, params: dict[str, Any], read: Any) -> Any:
        """The answer to a call; a waiter goes on through a short outage of the service."""
        began = _clock.now()
        while True:
            try:
                return await self._state._rpc(function, params, read, until=self._until)
            except (ServiceUnavailable, OutcomeUnknown):
                if _clock.now() >= min(self._ends, began + _OUTAGE_S):
                    raise
            left_s = max(0.0, self._ends - _clock.now())
            await self._state._pause(min(random.uniform(0.1, 0.5), left_s))


def checked_wait(wait_seconds: Any) -> float:
    """A time to wait as a number, or InvalidArgument."""
    hint = f"Use 0 to {MAX_WAIT_S:.0f} seconds."
    return seconds_of(wait_seconds, "wait_seconds", most=MAX_WAIT_S, hint=hint)
