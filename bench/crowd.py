"""What everybody else notices of a crowd that waits for one lock."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Event

from hand_over import START_SECONDS, context
from lockers import BareLocker, BareRpc
from measure import Timing
from one_rpc import BareClient
from pairs import TTL_SECONDS, new_id
from sharedstate_ops.stack import StackInfo

LOCK = "crowded"
LOCK_OF_HOLDERS = "crowded-by-holders"
IDLE_LOCK = "lonely"
PROCESSES = 10
CALLS_PER_HOLD = 10
WAITER_HOLDS_SECONDS = 0.005


@dataclass(frozen=True)
class Result:
    """One call without a crowd and with it."""

    idle: Timing
    crowded: Timing

    @property
    def ratio(self) -> float:
        """How much longer it takes at p50."""
        return self.crowded.p50_ms / self.idle.p50_ms


def measure(
    info: StackInfo, waiters: int, holds: int, *, each_holds_another: bool = False
) -> dict[str, Result]:
    """Results by call; the holder holds the lock `holds` times.

    With `each_holds_another` each waiter holds another lock all the while, for which nobody waits.
    """
    lock = LOCK_OF_HOLDERS if each_holds_another else LOCK
    bystander = Bystander(info)
    idle = bystander.timings(IDLE_LOCK, holds)
    forks = context()
    stop = forks.Event()
    processes = [
        forks.Process(
            target=wait, args=(info, lock, number, waiters // PROCESSES, stop), daemon=True
        )
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    try:
        bystander.await_crowd(lock, waiters * 9 // 10)
        crowded = bystander.timings(lock, holds)
    finally:
        stop.set()
        for process in processes:
            process.join(START_SECONDS)
            process.terminate()
    return {name: Result(idle[name], crowded[name]) for name in idle}


class Bystander:
    """An agent with the highest priority, so that it is the holder again soon."""

    def __init__(self, info: StackInfo) -> None:
        self._bare = BareClient.of_gateway(info)

    def timings(self, lock: str, holds: int) -> dict[str, Timing]:
        """Timings by call, with one lock held, and of its release."""
        locker = BareLocker(self._bare, lock, "bystander", priority=1)
        calls: dict[str, Callable[[], object]] = {
            "health": lambda: self._bare.call("health", {}),
            "log_agent_activity": self._log,
        }
        durations: dict[str, list[float]] = {name: [] for name in [*calls, "release_lock"]}
        for _ in range(holds):
            locker.acquire()
            for _ in range(CALLS_PER_HOLD):
                for name, call in calls.items():
                    durations[name].append(duration_ms(call))
            durations["release_lock"].append(duration_ms(locker.release))
        return {name: Timing.of(taken) for name, taken in durations.items()}

    def _log(self) -> object:
        return self._bare.call(
            "log_agent_activity",
            {
                "agent_name": "bench_agent", "activity": "measured", "details": {},
                "execution_id": "bystander", "request_id": new_id(),
            },
        )  # fmt: skip

    def await_crowd(self, lock: str, waiters: int) -> None:
        """Until so many are in line."""
        until = time.monotonic() + START_SECONDS
        asked = {"resource_type": "bench", "resource_name": lock}
        while len(self._bare.call("get_lock_status", asked)["queue"]) < waiters:
            if time.monotonic() > until:
                raise RuntimeError("the crowd does not gather")
            time.sleep(0.2)


def duration_ms(call: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def wait(info: StackInfo, lock: str, number: int, threads: int, stop: Event) -> None:
    """A process of the crowd."""

    def waiter(thread: int) -> None:
        client = f"waiter-{number}-{thread}"
        if lock == LOCK_OF_HOLDERS:
            hold_another(info, client)
        locker = BareRpc(info).locker(lock, client)
        while not stop.is_set():
            locker.acquire()
            time.sleep(WAITER_HOLDS_SECONDS)
            locker.release()
        locker.close()

    with ThreadPoolExecutor(threads) as pool:
        for outcome in pool.map(waiter, range(threads)):
            assert outcome is None


def hold_another(info: StackInfo, client: str) -> None:
    """A lock that nobody else wants, until its time is up."""
    bare = BareClient.of_gateway(info)
    granted = bare.call(
        "acquire_lock",
        {
            "resource_type": "bench", "resource_name": f"of-{client}", "agent_name": "bench_agent",
            "execution_id": client, "ttl_seconds": TTL_SECONDS, "request_id": new_id(),
        },
    )  # fmt: skip
    bare.close()
    assert granted, "nobody else should hold it"
