"""How late a waiter learns that its wait is over, against how long it has waited."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from uuid import uuid4

from hand_over import START_SECONDS, context
from measure import Timing
from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo

WAITERS = 24
AGENT = "bench_agent"

# Waits, in a process of its own: (client, run, number of the process).
Wait = Callable[[SharedState, str, int], object]


def for_a_lock(state: SharedState, run: str, number: int) -> None:
    """Each for a lock of its own."""
    state.lock("late", f"{run}-{number}", AGENT).acquire()


def until_unblocked(state: SharedState, run: str, number: int) -> None:
    """Each blocked by a conflict of its own."""
    state.wait_until_unblocked(f"blocked-{run}-{number}")


def of_locks(info: StackInfo, seconds: float) -> Timing:
    """From the release of a lock that was held for so long to the return of its waiter."""
    with SharedState(url=info.url, key=info.agent_key, workspace="default") as holder:

        def begin(run: str, number: int) -> Callable[[], object]:
            name = f"{run}-{number}"
            assert holder.acquire_lock("late", name, AGENT), "nobody else should hold it"
            return lambda: holder.release_lock("late", name)

        return measure(info, for_a_lock, begin, seconds)


def of_conflicts(info: StackInfo, seconds: float) -> Timing:
    """From the resolution of a conflict that was open for so long to the return of who waits."""
    with SharedState(url=info.url, key=info.agent_key, workspace="default") as state:

        def begin(run: str, number: int) -> Callable[[], object]:
            blocked = [f"blocked-{run}-{number}"]
            conflict = state.log_conflict("high", AGENT, AGENT, "?", blocks=blocked)
            return lambda: state.resolve_conflict(conflict, "measured", AGENT)

        return measure(info, until_unblocked, begin, seconds)


def measure(
    info: StackInfo, wait: Wait, begin: Callable[[str, int], Callable[[], object]], seconds: float
) -> Timing:
    """What begins ends after 0.9 to 1.1 times `seconds`, so that nothing falls in step."""
    forks = context()
    returned: Queue[tuple[int, float]] = forks.Queue()
    barrier = forks.Barrier(WAITERS + 1)
    run = uuid4().hex[:8]
    processes = [
        forks.Process(target=waiter, args=(info, wait, run, number, barrier, returned), daemon=True)
        for number in range(WAITERS)
    ]
    for process in processes:
        process.start()
    try:
        barrier.wait(START_SECONDS)  # all of them run
        ends = [
            (time.monotonic() + seconds * random.uniform(0.9, 1.1), number, begin(run, number))
            for number in range(WAITERS)
        ]
        barrier.wait(START_SECONDS)
        ended: dict[int, float] = {}
        for at, number, end in sorted(ends, key=lambda one: one[0]):
            time.sleep(max(0.0, at - time.monotonic()))
            ended[number] = time.monotonic()
            end()
        late_ms = []
        for _ in processes:
            number, at = returned.get(timeout=START_SECONDS)
            late_ms.append(max(0.0, at - ended[number]) * 1000)
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return Timing.of(late_ms)


def waiter(
    info: StackInfo,
    wait: Wait,
    run: str,
    number: int,
    barrier: Barrier,
    returned: Queue[tuple[int, float]],
) -> None:
    """One agent, in a process of its own."""
    with SharedState(url=info.url, key=info.agent_key, workspace="default") as state:
        state.health()
        barrier.wait(START_SECONDS)
        barrier.wait(START_SECONDS)
        wait(state, run, number)
        returned.put((number, time.monotonic()))
