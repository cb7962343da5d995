"""Asking for locks, and waiting in line for them: what to send when. Pure: no I/O.

`Asking.steps` is a generator. It yields a Call to be sent (and is sent its answer, or thrown its
error) or a number of seconds to pause, and returns the Grant or None. methods/locks.py follows it
with threads, methods_async/locks.py with tasks, tests with a clock of their own.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sharedstate import readers, types
from sharedstate.calls import locks as calls
from sharedstate.calls.arguments import PRIORITIES, TTL_SECONDS, seconds_of, whole_number
from sharedstate.errors import (
    Deadlock,
    InvalidArgument,
    LeaseLost,
    OutcomeUnknown,
    ServiceUnavailable,
    SharedStateError,
)
from sharedstate.http.call import Call, RequestId, mutation, new_request_id
from sharedstate.patience import pause_of

T = TypeVar("T")
Step = Call[Any] | float
Clock = Callable[[], float]

# What a lease that was asked for with a wait lasts until it is confirmed (core.write_lease).
PROVISIONAL_S = 10
# The longest wait that the database takes in one request; a longer one is asked for again.
MAX_WAIT_S = 86400.0
# How long a waiter goes on asking while the service does not answer.
_OUTAGE_S = 30.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Locks that an agent wants, all of them or none."""

    execution_id: str
    resources: tuple[tuple[str, str], ...]
    agent_name: str
    ttl_seconds: int
    priority: int
    several: bool = False

    def __post_init__(self) -> None:
        whole_number(self.ttl_seconds, "ttl_seconds", *TTL_SECONDS)
        whole_number(self.priority, "priority", *PRIORITIES)

    def acquire(
        self, ttl_seconds: int, wait_s: float, request_id: str
    ) -> Call[tuple[types.Lease, ...]]:
        """The call that takes them or gets in line."""
        params: dict[str, Any] = {
            "agent_name": self.agent_name,
            "execution_id": self.execution_id,
            "ttl_seconds": ttl_seconds,
            "wait_seconds": wait_s,
            "priority": self.priority,
        }
        if self.several:
            params["resources"] = [
                {"resource_type": kind, "resource_name": name} for kind, name in self.resources
            ]
            return mutation("acquire_locks", params, readers.leases, request_id)
        ((kind, name),) = self.resources
        params |= {"resource_type": kind, "resource_name": name}
        return mutation("acquire_lock", params, readers.lease_list, request_id)


@dataclass(frozen=True, slots=True)
class Grant:
    """Leases that were granted, not before `since` (the client's monotonic clock, seconds).

    They last `lifetime_s` from their grant, so certainly until `since + lifetime_s`.
    """

    leases: tuple[types.Lease, ...]
    request_id: str
    since: float
    lifetime_s: float


class Asking:
    """One wish for locks, for `wait_s` seconds: 0 asks once, infinity waits for ever.

    Args:
        ttl_seconds: what to ask for, instead of what is wanted in the end.
        confirm: make a short grant last before it is returned, one that is provisional or was
            asked for with less time than is wanted.

    `request_id` is the one under which the service knows the wish; `is_open` tells whether there
    may be something under it, a place in line or a grant.
    """

    def __init__(
        self,
        wanted: Wanted,
        wait_s: float,
        *,
        ttl_seconds: int | None = None,
        confirm: bool = False,
        request_id: RequestId = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.wanted = wanted
        self.wait_s = wait_s
        self.request_id = new_request_id(request_id)
        self.is_open = False
        self._ttl_seconds = wanted.ttl_seconds if ttl_seconds is None else ttl_seconds
        self._confirm = confirm
        self._clock = clock
        self._ends = clock() + wait_s

    def steps(self) -> Generator[Step, Any, Grant | None]:
        """What to do, step by step; see the module."""
        try:
            return (yield from self._steps())
        except SharedStateError as problem:
            # Renewals have ids of their own; who repeats the call needs the one of the wish.
            problem.request_id = self.request_id
            if "request_id" in problem.detail:
                problem.detail["request_id"] = self.request_id
            raise

    def _steps(self) -> Generator[Step, Any, Grant | None]:
        remaining_s = self.wait_s
        while True:
            grant = yield from self._once(remaining_s)
            if grant is not None or not self.wait_s:
                return grant
            # Time is up, or the place in line is gone. It may have been granted meanwhile.
            if self.is_open:
                yield from self._cancel()
            remaining_s = self._ends - self._clock()
            if remaining_s <= 0:
                return None
            self.request_id = new_request_id()
            yield min(0.05, remaining_s)

    def _once(self, remaining_s: float) -> Generator[Step, Any, Grant | None]:
        # Whatever is granted, is granted after the last call was sent that was answered "not yet".
        since = self._clock()
        self.is_open = True
        call = self.wanted.acquire(self._ttl_seconds, min(remaining_s, MAX_WAIT_S), self.request_id)
        try:
            leases: tuple[types.Lease, ...] = yield from self._insist(call)
        except SharedStateError as problem:
            self.is_open = problem.raised_by != "database"  # a refusal leaves nothing behind
            raise
        if leases:
            return (yield from self._granted(leases, since))
        if not self.wait_s:
            self.is_open = False
            return None
        while True:
            sent = self._clock()
            try:
                answer: types.LockWait = yield from self._insist(
                    calls.wait_for_lock(self.request_id)
                )
            except Deadlock:
                yield from self._cancel()
                raise
            if answer.state == "granted":
                return (yield from self._granted(answer.leases, since))
            if answer.state == "gone":
                return None
            since = sent
            left_s = self._ends - self._clock()
            if left_s <= 0:
                return None
            # The last pause ends with the time, and one more look follows it.
            yield min(pause_of(answer.retry_ms), left_s)

    def _granted(
        self, leases: tuple[types.Lease, ...], since: float
    ) -> Generator[Step, Any, Grant | None]:
        is_provisional = any(lease.provisional for lease in leases)
        lifetime = float(self._ttl_seconds)
        if is_provisional:
            lifetime = min(lifetime, PROVISIONAL_S)
        is_whole = len(leases) == len(set(self.wanted.resources))
        if not is_whole or self._clock() >= since + lifetime:
            # Of a set, one was taken away since it was granted; or the answer was so long on its
            # way that the lease may have ended before it came.
            yield from self._cancel()
            return None
        if self._confirm and (is_provisional or lifetime < self.wanted.ttl_seconds):
            since = self._clock()
            lifetime = float(self.wanted.ttl_seconds)
            try:
                leases = yield from self._renewed(leases)
            except LeaseLost:
                yield from self._cancel()
                return None
        return Grant(leases, self.request_id, since, lifetime)

    def _renewed(
        self, leases: tuple[types.Lease, ...]
    ) -> Generator[Step, Any, tuple[types.Lease, ...]]:
        confirmed = []
        for lease in leases:
            confirmed.append((yield from self._ask(renewal(lease, self.wanted.ttl_seconds))))
        return tuple(confirmed)

    def _cancel(self) -> Generator[Step, Any, None]:
        yield from self._ask(calls.cancel_lock_request(self.request_id))
        self.is_open = False

    def _insist(self, call: Call[T]) -> Generator[Step, Any, T]:
        """The answer to a call; a waiter does not give up when the service is away for a while."""
        last = self._clock()
        while True:
            try:
                return (yield from self._ask(call))
            except (ServiceUnavailable, OutcomeUnknown):
                if self._clock() >= min(self._ends, last + _OUTAGE_S):
                    raise
            yield max(0.0, min(random.uniform(0.1, 0.5), self._ends - self._clock()))

    def _ask(self, call: Call[T]) -> Generator[Step, Any, T]:
        """The answer to a call, which is not waited for much longer than for the locks."""
        answer: T = yield replace(call, until=self._ends) if self.wait_s else call
        return answer


def renewal(lease: types.Lease, ttl_seconds: int) -> Call[types.Lease]:
    """The call that makes a lease last `ttl_seconds` from now."""
    return calls.renew_lock(
        lease.execution_id, lease.resource_type, lease.resource_name, lease.fencing_token,
        ttl_seconds, None,
    )  # fmt: skip


def checked_wait(wait_seconds: Any) -> float:
    """A time to wait as a number, or InvalidArgument."""
    hint = f"Use 0 to {MAX_WAIT_S:.0f} seconds."
    return seconds_of(wait_seconds, "wait_seconds", most=MAX_WAIT_S, hint=hint)


def checked_resources(resources: Any) -> tuple[tuple[str, str], ...]:
    """Pairs of resource type and name; InvalidArgument when they are none."""
    try:
        pairs = tuple((kind, name) for kind, name in resources)
    except (TypeError, ValueError) as problem:
        hint = 'Pass resources as [("subsystem", "skeleton"), ("subsystem", "power")].'
        raise InvalidArgument.of("resources", "is no list of pairs", hint=hint) from problem
    return pairs


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
