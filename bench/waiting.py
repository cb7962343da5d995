"""What agents cost that wait: the processor time of the servers and of the waiting clients."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

import psutil

from hand_over import START_SECONDS, context
from sharedstate import SharedState
from sharedstate_ops.stack import Stack, StackInfo
from sharedstate_ops.stack.state import read_state

QUIET_AFTER_SECONDS = 6.0
MEASURED_SECONDS = 10.0
HOLDER = "bench_holder"


@dataclass(frozen=True)
class Case:
    """Agents that wait, each a process, and the per cent of one core that they may cost."""

    name: str
    agents: int
    wait: Callable[[Case, SharedState, int], object]
    bar_percent: float
    locks: int = 0


def for_a_lock(case: Case, state: SharedState, number: int) -> None:
    """In line for one of the case's locks."""
    state.lock("waiting", lock_name(case, number), state.execution_id).acquire()


def until_unblocked(_: Case, state: SharedState, number: int) -> None:
    """While the conflict is open that `prepare` reports."""
    state.wait_until_unblocked(agent_name(number))


def for_news(_: Case, state: SharedState, number: int) -> None:
    """Of the activity log, which nobody writes."""
    for _entry in state.follow_activity(agent_name="nobody"):
        pass


CASES = (
    Case("1 agent for a lock", 1, for_a_lock, 0.5, locks=1),
    Case("20 agents for one lock", 20, for_a_lock, 4, locks=1),
    Case("60 agents for 20 locks, 3 each", 60, for_a_lock, 10, locks=20),
    Case("20 agents blocked by one conflict", 20, until_unblocked, 5),
    Case("20 followers of the activity log", 20, for_news, 10),
)


def lock_name(case: Case, number: int) -> str:
    """Of the lock that the agent in process `number` waits for; no other case has it."""
    return f"{case.agents}-{number % case.locks}"


def agent_name(number: int) -> str:
    """Of the agent that waits in process `number`."""
    return f"waiting-{number}"


def measure(stack: Stack, info: StackInfo, case: Case) -> dict[str, float]:
    """Per cent of one core by program, from the sixth second of the wait to the sixteenth."""
    forks = context()
    barrier = forks.Barrier(case.agents + 1)
    processes = [
        forks.Process(target=agent, args=(info, CASES.index(case), number, barrier), daemon=True)
        for number in range(case.agents)
    ]
    with SharedState(HOLDER, url=info.url, key=info.agent_key, workspace="default") as holder:
        try:
            for process in processes:
                process.start()
            barrier.wait(START_SECONDS)  # all of them run and are connected
            end = prepare(holder, case)
            barrier.wait(START_SECONDS)
            time.sleep(QUIET_AFTER_SECONDS)
            began, before = time.monotonic(), used(stack, processes)
            time.sleep(MEASURED_SECONDS)
            seconds, after = time.monotonic() - began, used(stack, processes)
        finally:
            for process in processes:
                process.terminate()
                process.join()
        end()
    return {
        program: 100 * sum(spent[pid] - before[program].get(pid, 0.0) for pid in spent) / seconds
        for program, spent in after.items()
    }


def prepare(holder: SharedState, case: Case) -> Callable[[], object]:
    """Put something in the way of all of them; what takes it away again."""
    if case.wait is until_unblocked:
        agents = [agent_name(number) for number in range(case.agents)]
        number = holder.log_conflict("high", HOLDER, HOLDER, "?", blocks=agents)
        return lambda: holder.resolve_conflict(number, "measured", HOLDER)
    for lock in range(case.locks):
        assert holder.acquire_lock("waiting", lock_name(case, lock), HOLDER), (
            "nobody else should hold it"
        )

    def end() -> None:
        for lock in range(case.locks):
            holder.release_lock("waiting", lock_name(case, lock))

    return end


def agent(info: StackInfo, case: int, number: int, barrier: Barrier) -> None:
    """One process: it waits until it is terminated."""
    with SharedState(
        agent_name(number), url=info.url, key=info.agent_key, workspace="default"
    ) as state:
        state.health()
        barrier.wait(START_SECONDS)
        barrier.wait(START_SECONDS)
        CASES[case].wait(CASES[case], state, number)


def used(stack: Stack, processes: list[Any]) -> dict[str, dict[int, float]]:
    """Processor seconds by program and process."""
    parts = read_state(stack.home.state_file).parts
    programs = {name: family(psutil.Process(part.pid)) for name, part in parts.items()}
    programs["clients"] = [psutil.Process(process.pid) for process in processes]
    return {
        name: {one.pid: sum(one.cpu_times()[:2]) for one in members}
        for name, members in programs.items()
    }


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process with all that it started."""
    return [process, *process.children(recursive=True)]
