"""A client of one lock, by each way that is compared."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any, Protocol

from one_rpc import BareClient
from pairs import TTL_SECONDS, new_id
from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo

WAIT_SECONDS = 600


class Locker(Protocol):
    """What each way has to offer. Made in the process that uses it."""

    def acquire(self) -> None:
        """Waits."""

    def release(self) -> None:
        """Gives it back."""

    def close(self) -> None:
        """Ends the connection."""


class Way(Protocol):
    """Makes lockers; it can be sent to another process."""

    def locker(self, lock: str, client: str) -> Locker:
        """One of its own connection."""


@dataclass(frozen=True)
class BareRpc:
    """Our RPCs by http.client: the wait in the database's queue without our Python client."""

    info: StackInfo

    def locker(self, lock: str, client: str) -> BareLocker:
        """One of its own connection."""
        return BareLocker(BareClient.of_gateway(self.info), lock, client)


class BareLocker:
    """acquire_lock, then wait_for_lock as often as it says.

    It never holds a lock for long enough to have to confirm it.
    """

    def __init__(self, bare: BareClient, lock: str, client: str, priority: int = 3) -> None:
        self._bare = bare
        self._key = {"resource_type": "bench", "resource_name": lock, "execution_id": client}
        self._priority = priority
        self._lease: dict[str, Any] = {}
        self.polls = 0

    def acquire(self) -> None:
        """In line until it is granted."""
        request_id = new_id()
        asked = {
            **self._key, "agent_name": "bench_agent", "ttl_seconds": TTL_SECONDS,
            "wait_seconds": WAIT_SECONDS, "priority": self._priority, "request_id": request_id,
        }  # fmt: skip
        leases = self._bare.call("acquire_lock", asked)
        while not leases:
            self.polls += 1
            answer = self._bare.call("wait_for_lock", {"request_id": request_id})
            if answer["state"] == "gone":
                raise RuntimeError("the place in line was lost")
            leases = answer["leases"]
            if not leases:
                time.sleep(answer["retry_ms"] / 1000 * random.uniform(1.0, 1.2))
        self._lease = leases[0]

    def release(self) -> None:
        """By its token."""
        released = {**self._key, "fencing_token": self._lease["fencing_token"]}
        if not self._bare.call("release_lock", {**released, "request_id": new_id()}):
            raise RuntimeError("the lease was lost")

    def close(self) -> None:
        """Its connection is its own."""
        self._bare.close()


@dataclass(frozen=True)
class StateLock:
    """`state.lock` of the Python client."""

    info: StackInfo

    def locker(self, lock: str, client: str) -> StateLocker:
        """One of its own connection."""
        info = self.info
        state = SharedState(client, url=info.url, key=info.agent_key, workspace="default")
        return StateLocker(state, lock)


class StateLocker:
    """As its documentation has it."""

    def __init__(self, state: SharedState, lock: str) -> None:
        self._state = state
        self._lock = state.lock("bench", lock, "bench_agent", TTL_SECONDS)

    def acquire(self) -> None:
        """In line until it is granted."""
        self._lock.acquire()

    def release(self) -> None:
        """By its token."""
        self._lock.release()

    def close(self) -> None:
        """Its connections and its thread."""
        self._state.close()


@dataclass(frozen=True)
class RedisPy:
    """redis-py's Lock with its default settings: a waiter asks again every 100 ms."""

    port: int

    def locker(self, lock: str, client: str) -> RedisLocker:
        """One of its own connection."""
        return RedisLocker(self.port, lock)


class RedisLocker:
    """As its documentation has it."""

    def __init__(self, port: int, lock: str) -> None:
        import redis

        self._client = redis.Redis(port=port)
        self._lock = self._client.lock(f"bench-{lock}", timeout=TTL_SECONDS)

    def acquire(self) -> None:
        """Polls."""
        if not self._lock.acquire():
            raise RuntimeError("a wait without an end has ended")

    def release(self) -> None:
        """By its token."""
        self._lock.release()

    def close(self) -> None:
        """Its connection."""
        self._client.close()
