"""How long after a resolution agents that were blocked by it go on. See README.md beside it."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from rich.console import Console

from hand_over import START_SECONDS, context
from measure import Timing
from sharedstate import SharedState
from sharedstate.stack import Stack, StackInfo

PROMISED_MS = 50.0
# All of them are in everybody's way before the resolution comes.
SETTLE_SECONDS = 1.5


def main() -> None:
    """Start a stack, measure, print, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, default=20, help="agents that wait")
    parser.add_argument("--blocked", type=int, default=100, help="agents that are blocked")
    parser.add_argument("--rounds", type=int, default=20, help="resolutions")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            info = stack.up(progress=console.print)
            timing = measure(info, options.waiting, options.blocked, options.rounds)
        finally:
            stack.down()
    verdict = "kept" if timing.p99_ms <= PROMISED_MS else "NOT kept"
    console.print(
        f"\nPython {platform.python_version()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}\n"
        f"{options.waiting} of {options.blocked} blocked agents wait; from the resolution to the "
        f"return: p50 {timing.p50_ms:.1f} ms, p99 {timing.p99_ms:.1f} ms "
        f"(promise: {PROMISED_MS:.0f} ms, {verdict})"
    )


def measure(info: StackInfo, waiting: int, blocked: int, rounds: int) -> Timing:
    """From the answer to the resolution until each waiting agent's call returns, in ms."""
    forks = context()
    returned: Queue[float] = forks.Queue()
    barrier = forks.Barrier(waiting + 1)
    agents = [f"agent-{number}" for number in range(blocked)]
    processes = [
        forks.Process(target=wait, args=(info, agent, rounds, barrier, returned), daemon=True)
        for agent in agents[:waiting]
    ]
    for process in processes:
        process.start()
    taken_ms: list[float] = []
    try:
        with SharedState("bench-1", url=info.url, key=info.agent_key, workspace="default") as state:
            for _ in range(rounds):
                number = state.log_conflict("high", "bench", "bench", "?", blocks=agents)
                barrier.wait(START_SECONDS)
                time.sleep(SETTLE_SECONDS)
                state.resolve_conflict(number, "measured", "bench")
                resolved = time.monotonic()
                for _ in processes:
                    taken_ms.append(max(0.0, returned.get(timeout=START_SECONDS) - resolved) * 1000)
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return Timing.of(taken_ms)


def wait(
    info: StackInfo, agent: str, rounds: int, barrier: Barrier, returned: Queue[float]
) -> None:
    """One agent, in a process of its own."""
    with SharedState(agent, url=info.url, key=info.agent_key, workspace="default") as state:
        for _ in range(rounds):
            barrier.wait(START_SECONDS)
            assert state.wait_until_unblocked(agent, START_SECONDS)
            returned.put(time.monotonic())


if __name__ == "__main__":
    main()
