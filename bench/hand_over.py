"""How long a lock lies idle between one holder's release and the next one's return.

A client that released a lock asks for it again as soon as somebody else has it. So the queue is as
long as it can be; and with a lock that has no queue it is not the last holder that gets it again.
"""

from __future__ import annotations

import multiprocessing
import queue
import random
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Semaphore
from uuid import uuid4

from lockers import Way
from measure import Timing

START_SECONDS = 60.0
# Connections are opened, and each of the server's processes compiles its functions.
WARM_UP_SECONDS = 2.0
# A client that asked this much earlier and is still waiting was overtaken.
SAME_MOMENT_SECONDS = 0.01


@dataclass(frozen=True)
class Scenario:
    """Client processes that take the same locks again and again.

    A lock is held for half to one and a half times `hold_seconds`, so that nothing falls in step.
    """

    locks: int
    clients_per_lock: int
    seconds: float
    hold_seconds: float

    @property
    def clients(self) -> int:
        """All of them."""
        return self.locks * self.clients_per_lock


@dataclass(frozen=True)
class Changes:
    """Tells the last holder of a lock that it has a new one."""

    is_first: Semaphore
    happened: Semaphore

    def got(self) -> None:
        """Called by each holder."""
        if not self.is_first.acquire(block=False):
            self.happened.release()

    def await_next(self, until: float) -> None:
        """Called by each holder after its release."""
        self.happened.acquire(timeout=max(0.0, until - time.monotonic()))


@dataclass(frozen=True)
class Turn:
    """One client had the lock once. Times of the monotonic clock that all processes share."""

    lock: str
    client: str
    asked: float
    got: float
    released: float


@dataclass(frozen=True)
class Result:
    """What a scenario showed."""

    hand_overs: int
    timing: Timing
    waits: Timing
    out_of_turn_percent: float


def context() -> ForkServerContext:
    """Processes without the threads of this one, that need not import everything again."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["lockers", "supabase", "redis"])
    return forks


def measure(way: Way, scenario: Scenario) -> Result:
    """Run it."""
    forks = context()
    turns: Queue[list[Turn]] = forks.Queue()
    barrier = forks.Barrier(scenario.clients)
    run = uuid4().hex[:8]
    # Kept here until the end: a semaphore that is dropped is gone for a process that still starts.
    changes = [Changes(forks.Semaphore(1), forks.Semaphore(0)) for _ in range(scenario.locks)]
    processes = []
    for number in range(scenario.clients):
        lock = number % scenario.locks
        args = (way, scenario, f"{run}-{lock}", f"{run}-{number}", changes[lock], barrier, turns)
        processes.append(forks.Process(target=client, args=args, daemon=True))
    for process in processes:
        process.start()
    taken: list[Turn] = []
    try:
        for _ in processes:
            taken += turns.get(timeout=START_SECONDS + scenario.seconds)
    except queue.Empty:
        raise RuntimeError("a client has failed; its error is above") from None
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return evaluate(taken)


def client(
    way: Way,
    scenario: Scenario,
    lock: str,
    name: str,
    changes: Changes,
    barrier: Barrier,
    turns: Queue[list[Turn]],
) -> None:
    """One process."""
    locker = way.locker(lock, name)
    taken: list[Turn] = []
    barrier.wait(START_SECONDS)
    until = time.monotonic() + WARM_UP_SECONDS + scenario.seconds
    time.sleep(random.uniform(0, 0.2))
    while time.monotonic() < until:
        asked = time.monotonic()
        locker.acquire()
        got = time.monotonic()
        changes.got()
        time.sleep(scenario.hold_seconds * random.uniform(0.5, 1.5))
        released = time.monotonic()
        locker.release()
        if until - scenario.seconds <= released < until:  # later the others leave one by one
            taken.append(Turn(lock, name, asked, got, released))
        changes.await_next(until)
    turns.put(taken)
    locker.close()


def evaluate(taken: Iterable[Turn]) -> Result:
    """Hand-overs are the releases at which another client was waiting."""
    by_lock: dict[str, list[Turn]] = defaultdict(list)
    for turn in sorted(taken, key=lambda turn: turn.got):
        by_lock[turn.lock].append(turn)
    idle_ms: list[float] = []
    waits_ms: list[float] = []
    overtaking = 0
    for turns in by_lock.values():
        for place, turn in enumerate(turns[:-1]):
            later = turns[place + 1 :]
            if any(other.asked < turn.released for other in later):
                idle_ms.append((later[0].got - turn.released) * 1000)
            waits_ms.append((turn.got - turn.asked) * 1000)
            overtaking += any(other.asked < turn.asked - SAME_MOMENT_SECONDS for other in later)
    percent = 100 * overtaking / len(waits_ms)
    return Result(len(idle_ms), Timing.of(idle_ms), Timing.of(waits_ms), percent)
