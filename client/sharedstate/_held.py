"""A lock that is held: until when its client may rely on it, and when to renew it. Pure: no I/O.

All times are seconds of the client's monotonic clock. A renewal counts from before it was sent:
the database, which counts from after it received it, never ends a lease sooner.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sharedstate.types import Lease

# When a short first lease is extended to its full time.
EXTENDED_AFTER_S = 0.5


@dataclass(frozen=True, slots=True)
class Grant:
    """Leases that were granted, not before `since` (the client's monotonic clock, seconds).

    They last `lifetime_s` from their grant, so certainly until `since + lifetime_s`.
    """

    leases: tuple[Lease, ...]
    request_id: str
    since: float
    lifetime_s: float


class Held:
    """A grant that a lock object holds.

    A fresh one may be short, so that a client that died while it took it, or a lost answer, blocks
    nobody for long. It is extended to its full time half a second after it was taken (`now`); most
    are released sooner, and are spared the call.

    `on_lost` is called once if it is lost, by the background; `problem` is what kept it from being
    renewed. `abandoned` is set when the lock object is garbage: then nobody can release it any
    more, and it lapses.
    """

    def __init__(
        self,
        grant: Grant,
        ttl_seconds: int,
        now: float,
        on_lost: Callable[[], object] | None = None,
    ) -> None:
        self.leases = grant.leases
        self.request_id = grant.request_id
        self.ttl_seconds = ttl_seconds
        self.on_lost = on_lost
        self.problem: Exception | None = None
        self.is_lost = False
        self.is_ended = False
        self.abandoned = False
        self.is_renewing = False
        self.deadline = grant.since + grant.lifetime_s - _margin(grant.lifetime_s)
        self.due = grant.since + grant.lifetime_s / 3
        if grant.lifetime_s < ttl_seconds:
            self.due = min(self.due, now + EXTENDED_AFTER_S)

    def renewed(self, sent_at: float, leases: Iterable[Lease]) -> None:
        """The database extended it, by a call that was sent at `sent_at`."""
        self.leases = tuple(leases)
        self.problem = None
        self.deadline = max(self.deadline, sent_at + self.ttl_seconds - _margin(self.ttl_seconds))
        self.due = sent_at + self.ttl_seconds / 3

    def not_renewed(self, now: float, problem: Exception) -> None:
        """A renewal failed: retry soon, and more often the less time is left."""
        self.problem = problem
        self.due = now + min(2.0, max(0.05, (self.deadline - now) / 10))

    def patience_s(self, now: float) -> float:
        """How long to wait for the answer to a renewal: short enough for a retry before the end."""
        left_s = self.deadline - now
        return max(0.05, min(left_s, max(0.3, min(self.ttl_seconds / 3, left_s / 2))))

    def has_lapsed(self, now: float) -> bool:
        """Whether it may have ended by now, as far as this client knows."""
        return self.is_lost or now >= self.deadline


def next_look(held: Iterable[Held]) -> float:
    """The time of the next renewal or deadline; infinity if there is none."""
    return min(
        (one.deadline if one.is_renewing else min(one.due, one.deadline) for one in held),
        default=math.inf,
    )


def _margin(lifetime_s: float) -> float:
    # The owner has to be told before the lease ends, not after.
    return min(0.25, max(0.02, lifetime_s * 0.01))
