"""What agents notice of 20 open web boards, and how soon a board is there: `make bench-board`.

Starts a stack of its own with 50 subsystems, 500 open conflicts and 20,000 log entries. 50 agents
call it once a second each, in turns without boards and with 20 of them, which poll as the page
does. Then a real browser opens the page.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from statistics import median

import httpx
import psycopg

from many_agents import WARM_UP_SECONDS, Crowd, Outcome, generate
from measure import Timing
from own_stack import own_stack
from sharedstate_ops.stack import StackInfo

AGENTS, BOARDS, SUBSYSTEMS = 50, 20, 50
THINK_SECONDS = 1.0
PROMISED_GROWTH = 1.10
PROMISED_PICTURE_MS = 1000
PICTURES = 7
_FILL = (
    """insert into conflicts (workspace, conflict_id, severity, source_agent, target_agent,
         description, reported_to)
       select 'default', n, 'low', 'agent-' || n % 50, 'architect', 'problem ' || n, 'architect'
       from generate_series(1, 500) as n""",
    """insert into agent_activity_logs (workspace, agent_name, activity)
       select 'default', 'agent-' || n % 50, 'noted' from generate_series(1, 20000) as n""",
    "vacuum analyze",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each turn")
    parser.add_argument("--turns", type=int, default=4, help="with boards, and without")
    options = parser.parse_args()
    with own_stack() as stack:
        fill(stack.info)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        for line in agents_beside_boards(stack.info, options.seconds, options.turns):
            print(line, flush=True)
        print(first_picture(stack.info))


def fill(info: StackInfo) -> None:
    """Make what the boards show; the agents make their subsystems themselves."""
    with psycopg.connect(info.database_url, autocommit=True) as connection:
        for statement in _FILL:
            connection.execute(statement.encode())


def agents_beside_boards(info: StackInfo, seconds: float, turns: int) -> Iterator[str]:
    """Latencies of the agents' calls, and how much p99 grows."""
    crowd = Crowd(info.url, info.agent_key, 0, AGENTS, THINK_SECONDS, seconds, SUBSYSTEMS)
    durations: dict[int, list[float]] = {0: [], BOARDS: []}
    answers: list[float] = []
    # Agents and boards in a process each, so that they do not wait for one another here.
    with ProcessPoolExecutor(2) as processes:
        # The first round makes the subsystems and warms up.
        processes.submit(generate, crowd).result()
        for _ in range(turns):
            for boards in durations:
                running = processes.submit(poll, crowd, boards)
                outcome: Outcome = processes.submit(generate, crowd).result()
                assert not outcome.failed
                durations[boards] += outcome.durations_ms
                answers += running.result()
    timings = {boards: Timing.of(taken) for boards, taken in durations.items()}
    yield "| boards | agents' calls | p50 | p99 |"
    yield "| --- | --- | --- | --- |"
    for boards, timing in timings.items():
        calls = len(durations[boards])
        yield f"| {boards} | {calls:,} | {timing.p50_ms:.1f} ms | {timing.p99_ms:.1f} ms |"
    growth = timings[BOARDS].p99_ms / timings[0].p99_ms
    kept = "kept" if growth <= PROMISED_GROWTH else "NOT kept"
    yield f"p99 with {BOARDS} boards: {growth:.2f} times, promised {PROMISED_GROWTH:.2f}: {kept}"
    yield f"get_board beside the agents: p50 {median(answers):.1f} ms, {len(answers)} answers"


def poll(crowd: Crowd, boards: int) -> list[float]:
    """In a process of its own: so many boards while the crowd works; what answers took, in ms."""
    return asyncio.run(_poll(crowd, boards))


async def _poll(crowd: Crowd, boards: int) -> list[float]:
    taken: list[float] = []
    ends = time.monotonic() + crowd.think_seconds + WARM_UP_SECONDS + crowd.seconds
    # Without TLS nothing of it has to be loaded.
    client = httpx.AsyncClient(verify=False, trust_env=False, timeout=60)

    async def board(number: int) -> None:
        await asyncio.sleep(number / boards)  # people do not open them at the same moment
        cursor = None
        while time.monotonic() < ends:
            began = time.perf_counter()
            answer = await client.post(
                f"{crowd.url}/rest/v1/rpc/get_board",
                headers={"apikey": crowd.key},
                json={"cursor": cursor, "limit_count": 100},
            )
            cursor = answer.raise_for_status().json()["cursor"]
            took = time.perf_counter() - began
            taken.append(took * 1000)
            # As board/polling.js.
            await asyncio.sleep(max(1.0, 10 * took))

    async with client:
        await asyncio.gather(*(board(number) for number in range(boards)))
    return taken


def first_picture(info: StackInfo) -> str:
    """From the request of the page to the drawn table, in a browser that has nothing of it yet."""
    program = shutil.which("chromium")
    if program is None:
        return "first picture: not measured, there is no chromium here"
    from playwright.sync_api import sync_playwright

    taken = []
    with sync_playwright() as playwright:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        for _ in range(PICTURES):
            page = browser.new_context().new_page()
            page.goto(f"{info.url}/board/#key={info.agent_key}", wait_until="commit")
            drawn = "() => document.querySelector('.subsystem-row') && performance.now()"
            taken.append(float(page.wait_for_function(drawn).json_value()))
            page.context.close()
        browser.close()
    kept = "kept" if median(taken) <= PROMISED_PICTURE_MS else "NOT kept"
    return (
        f"first picture: median {median(taken):.0f} ms of {PICTURES}, "
        f"promised {PROMISED_PICTURE_MS}: {kept}"
    )


if __name__ == "__main__":
    main()
