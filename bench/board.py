"""What agents notice of 20 open web boards, and how soon a board is there: `make bench-board`.

Starts a stack of its own with 50 subsystems, 500 open conflicts and 20,000 log entries. 50 agents
call it once a second each, in turns without boards and with 20 of them, which poll as the page
does: all with one key, or with a key each. Then a real browser opens the page.
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
from urllib.parse import urlsplit

from many_agents import WARM_UP_SECONDS, Crowd, Outcome, generate
from measure import Timing
from own_stack import own_stack
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.connections import connect
from sharedstate_ops.stack.keys import make_token

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
    parser.add_argument("--turns", type=int, default=8, help="without boards, and with")
    options = parser.parse_args()
    with own_stack() as stack:
        fill(stack.info)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        for line in agents_beside_boards(stack.info, options.seconds, options.turns):
            print(line, flush=True)
        print(first_picture(stack.info))


def fill(info: StackInfo) -> None:
    """Make what the boards show; the agents make their subsystems themselves."""
    with connect(info.database_url) as connection:
        for statement in _FILL:
            connection.execute(statement)


def agents_beside_boards(info: StackInfo, seconds: float, turns: int) -> Iterator[str]:
    """Latencies of the agents' calls, and how much p99 grows."""
    crowd = Crowd(info.url, info.agent_key, 0, AGENTS, THINK_SECONDS, seconds, SUBSYSTEMS)
    # Without boards, with boards that one key has opened, and with a key for each.
    names = [f"viewer-{n}" for n in range(BOARDS)]
    own = [make_token(info.jwt_secret, "authenticated", agent=name) for name in names]
    turns_of = {"none": [], "one key": [crowd.key] * BOARDS, "a key each": own}
    durations: dict[str, list[float]] = {name: [] for name in turns_of}
    answers: list[float] = []
    # Agents and boards in a process each, so that they do not wait for one another here.
    with ProcessPoolExecutor(2) as processes:
        # The first round makes the subsystems and warms up.
        processes.submit(generate, crowd).result()
        for _ in range(turns):
            for name, keys in turns_of.items():
                running = processes.submit(poll, crowd, keys)
                outcome: Outcome = processes.submit(generate, crowd).result()
                assert not outcome.failed
                durations[name] += outcome.durations_ms
                answers += running.result()
    timings = {name: Timing.of(taken) for name, taken in durations.items()}
    yield f"| {BOARDS} boards by | agents' calls | p50 | p99 | p99 without boards |"
    yield "| --- | --- | --- | --- | --- |"
    growth = {name: timing.p99_ms / timings["none"].p99_ms for name, timing in timings.items()}
    for name, timing in timings.items():
        figures = f"{timing.p50_ms:.1f} ms | {timing.p99_ms:.1f} ms | {growth[name]:.2f} times"
        yield f"| {name} | {len(durations[name]):,} | {figures} |"
    kept = "kept" if growth["one key"] <= PROMISED_GROWTH else "NOT kept"
    yield f"p99 with {BOARDS} boards of one key: promised {PROMISED_GROWTH:.2f} times: {kept}"
    yield f"get_board beside the agents: p50 {median(answers):.1f} ms, {len(answers)} answers"


def poll(crowd: Crowd, keys: list[str]) -> list[float]:
    """In a process of its own: a board for each key, as long as the crowd works.

    What answers took, in milliseconds.
    """
    return asyncio.run(_poll(crowd, keys))


async def _poll(crowd: Crowd, keys: list[str]) -> list[float]:
    taken: list[float] = []
    ends = time.monotonic() + crowd.think_seconds + WARM_UP_SECONDS + crowd.seconds
    gateway = urlsplit(crowd.url)

    async def board(number: int, key: str) -> None:
        await asyncio.sleep(number / len(keys))  # people do not open them at the same moment
        # As board/api.js and board/polling.js. By hand, because browsers run elsewhere: what an
        # HTTP client computes here the agents would notice.
        request = (
            "GET /rest/v1/rpc/get_board?limit_count=100 HTTP/1.0\r\n"
            f"Host: {gateway.netloc}\r\napikey: {key}\r\nCache-Control: max-age=1\r\n\r\n"
        )
        while time.monotonic() < ends:
            began = time.perf_counter()
            reader, writer = await asyncio.open_connection(gateway.hostname, gateway.port)
            writer.write(request.encode())
            answer = await reader.read()
            writer.close()
            assert answer.startswith(b"HTTP/1.1 200"), answer[:1000]
            took = time.perf_counter() - began
            taken.append(took * 1000)
            await asyncio.sleep(max(1.0, 10 * took))

    await asyncio.gather(*(board(number, key) for number, key in enumerate(keys)))
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
