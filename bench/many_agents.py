"""How many agents one installation carries: `make bench-agents`, some three minutes.

Starts a stack of its own, and in front of its database one or two PostgREST with pools of several
sizes. First how much they do at most, then how long calls take for 50, 500 and 5,000 agents that
think between their calls. The agents are connections of a few processes on the same machine: they
take their share of its cores, so the figures are lower bounds. docs/scaling.md has one machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from instances import Instances, instances
from measure import Timing
from own_stack import own_stack
from sharedstate_ops.stack import Stack

GENERATORS = 2
SUBSYSTEMS = 200
POOLS = ((1, 5), (1, 10), (1, 20), (1, 40), (2, 10), (2, 20))
# Agents, and how many seconds each thinks between two calls, on average.
CROWDS = ((50, 1.0), (500, 1.0), (500, 5.0), (5000, 10.0))
AT_MOST_WITH = 64
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Crowd:
    """What one process of agents does: `think_seconds` 0 is as fast as they can."""

    url: str
    key: str
    first: int
    agents: int
    think_seconds: float
    seconds: float
    subsystems: int = SUBSYSTEMS


@dataclass(frozen=True)
class Outcome:
    """Calls that were answered in time, how long they took, and how many failed."""

    durations_ms: list[float]
    failed: int


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="for each line of a table")
    seconds = parser.parse_args().seconds
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with own_stack() as stack:
        print(f"{os.cpu_count()} cores, {GENERATORS} processes of agents on them\n")
        for line in at_most(stack, seconds):
            print(line, flush=True)
        print()
        for line in crowds(stack, seconds):
            print(line, flush=True)


def at_most(stack: Stack, seconds: float) -> Iterator[str]:
    """Throughput by instances and pool; half of the calls write a status, half read one."""
    yield "| PostgREST | pool of each | calls/s | p50 | p99 | connections to Postgres |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for count, pool in POOLS:
        with instances(stack, count, pool=pool) as made:
            outcome, connections = _run(stack, made, AT_MOST_WITH, 0, seconds)
        timing = Timing.of(outcome.durations_ms)
        yield (
            f"| {count} | {pool} | {len(outcome.durations_ms) / seconds:,.0f} "
            f"| {timing.p50_ms:.1f} ms | {timing.p99_ms:.1f} ms | {connections} |{_failed(outcome)}"
        )


def crowds(stack: Stack, seconds: float) -> Iterator[str]:
    """Latencies by the number of agents, with one instance and with two."""
    yield "| agents | a call every | PostgREST | calls/s | p50 | p99 | connections to Postgres |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for agents, think in CROWDS:
        for count in (1, 2):
            with instances(stack, count, connections=16384) as made:
                outcome, connections = _run(stack, made, agents, think, max(seconds, think))
            timing = Timing.of(outcome.durations_ms)
            rate = len(outcome.durations_ms) / max(seconds, think)
            yield (
                f"| {agents:,} | {think:.0f} s | {count} | {rate:,.0f} | {timing.p50_ms:.1f} ms "
                f"| {timing.p99_ms:.1f} ms | {connections} |{_failed(outcome)}"
            )


def _failed(outcome: Outcome) -> str:
    return f" {outcome.failed} failed" if outcome.failed else ""


def _run(
    stack: Stack, made: Instances, agents: int, think: float, seconds: float
) -> tuple[Outcome, int]:
    share = agents // GENERATORS
    parts = [
        Crowd(made.url, stack.info.agent_key, number * share, share, think, seconds)
        for number in range(GENERATORS)
    ]
    with ProcessPoolExecutor(GENERATORS) as processes:
        running = [processes.submit(generate, part) for part in parts]
        outcomes = [each.result() for each in running]
    # The pool keeps for a while what it had to open.
    connections = sum(made.connections(number) for number in made.running)
    durations = [taken for outcome in outcomes for taken in outcome.durations_ms]
    return Outcome(durations, sum(outcome.failed for outcome in outcomes)), connections


def generate(crowd: Crowd) -> Outcome:
    """In a process of its own: so many agents on a connection each."""
    return asyncio.run(_agents(crowd))


async def _agents(crowd: Crowd) -> Outcome:
    durations: list[float] = []
    failed = 0
    # All are connected before the clock starts.
    address = urlsplit(crowd.url)
    connections = [
        await asyncio.open_connection(address.hostname, address.port) for _ in range(crowd.agents)
    ]
    # Until everybody has called once, and the pool has opened what it needs, nothing counts.
    begins = time.monotonic() + crowd.think_seconds + WARM_UP_SECONDS
    ends = begins + crowd.seconds

    async def agent(number: int) -> None:
        nonlocal failed
        reader, writer = connections[number - crowd.first]
        await asyncio.sleep(random.uniform(0, crowd.think_seconds))
        requests = (_write(crowd, number), _read(crowd, number))
        turn = 0
        while time.monotonic() < ends:
            began = time.perf_counter()
            counts = time.monotonic() >= begins
            writer.write(requests[turn % 2])
            status = await _answer(reader)
            if status != 200:
                failed += 1
            elif counts:
                durations.append((time.perf_counter() - began) * 1000)
            turn += 1
            await asyncio.sleep(random.uniform(0, 2 * crowd.think_seconds))
        writer.close()

    await asyncio.gather(*(agent(crowd.first + number) for number in range(crowd.agents)))
    return Outcome(durations, failed)


def _write(crowd: Crowd, number: int) -> bytes:
    body = {
        "subsystem": f"part-{number % crowd.subsystems}",
        "status": {"state": "designing", "current_mass_kg": 1.5},
        "execution_id": f"execution-{number}",
    }
    return _request(crowd, "POST", "rpc/update_subsystem_status", json.dumps(body))


def _read(crowd: Crowd, number: int) -> bytes:
    return _request(crowd, "GET", f"subsystems?name=eq.part-{number % crowd.subsystems}", "")


def _request(crowd: Crowd, method: str, path: str, body: str) -> bytes:
    head = (
        f"{method} /rest/v1/{path} HTTP/1.1\r\nHost: {urlsplit(crowd.url).netloc}\r\n"
        f"apikey: {crowd.key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    return f"{head}\r\n{body}".encode()


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    elif b"content-length:" in lowered:
        length = lowered.split(b"content-length:")[1].split(b"\r\n")[0]
        await reader.readexactly(int(length))
    return int(head.split(b" ", 2)[1])


if __name__ == "__main__":
    main()
