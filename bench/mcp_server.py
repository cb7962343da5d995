"""What the MCP server costs: `make bench-mcp`, about two minutes, 2 GB.

Starts a stack of its own. Compared are one tool call over stdio and the RPC that it makes, twenty
agents at one server and at a server each; and how long a server takes to its first answers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from mcp import StdioServerParameters
from mcp.client.client import Client
from rich.console import Console

from measure import Timing
from own_stack import own_stack
from sharedstate import AsyncSharedState
from sharedstate_ops.stack import StackInfo

AGENTS = 20
PROMISED_BEYOND_MS = 5.0
PROMISED_START_S = 2.5
PROMISED_SHARE = 0.7
WARM_UP = 20
STARTS = 3

Call = Callable[[], Awaitable[object]]


def main() -> None:
    """Start a stack, measure, print, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help="how often each thing is done")
    rounds = parser.parse_args().rounds
    console = Console()
    with own_stack(console.print) as stack:
        asyncio.run(report(console, stack.info, rounds))


async def report(console: Console, info: StackInfo, rounds: int) -> None:
    """All figures, beside what is promised."""
    parameters = server_of(info)
    starts = [await first_answers(parameters) for _ in range(STARTS)]
    listed, called = (min(one) for one in zip(*starts, strict=True))
    console.print(f"start to the list of tools {listed:.2f} s, to the first call {called:.2f} s")
    promise(console, "start to first answer", listed, PROMISED_START_S, "s")
    async with Client(parameters, mode="legacy") as client, client_of(info, "bench") as state:
        tool, rpc = await beyond_the_rpc(client, state, rounds)
        console.print(
            f"my_situation {tool.p50_ms:.2f} ms (p99 {tool.p99_ms:.2f}), its RPC {rpc.p50_ms:.2f} "
            f"ms (p99 {rpc.p99_ms:.2f}), ratio {tool.p50_ms / rpc.p50_ms:.2f}"
        )
        beyond = tool.p50_ms - rpc.p50_ms
        promise(console, "one call beyond its RPC", beyond, PROMISED_BEYOND_MS, "ms")
        one, many = await twenty_agents(client, parameters, rounds)
        console.print(f"20 agents: {one:.0f} calls/s by one server, {many:.0f} by 20 servers")
        kept = "kept" if one / many >= PROMISED_SHARE else "MISSED"
        console.print(f"  share {one / many:.2f}, promised {PROMISED_SHARE}: {kept}")


def promise(console: Console, what: str, figure: float, at_most: float, unit: str) -> None:
    """A figure beside its promise."""
    kept = "kept" if figure <= at_most else "MISSED"
    console.print(f"  {what}: {figure:.2f} {unit}, promised {at_most:g} {unit}: {kept}")


def server_of(info: StackInfo) -> StdioServerParameters:
    """The server as a harness starts it."""
    environment = {
        "SUPABASE_URL": info.url,
        "SUPABASE_KEY": info.agent_key,
        "SHAREDSTATE_WORKSPACE": "default",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    command = ["-m", "sharedstate_ops", "mcp"]
    return StdioServerParameters(command=sys.executable, args=command, env=environment)


def client_of(info: StackInfo, execution_id: str) -> AsyncSharedState:
    """A Python client of the same stack."""
    return AsyncSharedState(execution_id, url=info.url, key=info.agent_key, workspace="default")


async def first_answers(parameters: StdioServerParameters) -> tuple[float, float]:
    """Seconds from the start of a process to its list of tools, and to the first call's answer."""
    began = time.perf_counter()
    async with Client(parameters, mode="legacy") as client:
        await client.list_tools()
        listed = time.perf_counter() - began
        await client.call_tool("my_situation", {"agent_name": "first"})
        return listed, time.perf_counter() - began


async def beyond_the_rpc(
    client: Client, state: AsyncSharedState, rounds: int
) -> tuple[Timing, Timing]:
    """The same read by a tool and by the Python client, in turns."""
    durations: tuple[list[float], list[float]] = ([], [])
    ways: tuple[Call, Call] = (
        lambda: client.call_tool("my_situation", {"agent_name": "bench"}),
        lambda: state.get_situation("bench"),
    )
    for number in range(WARM_UP + rounds):
        for way, taken in zip(ways, durations, strict=True):
            began = time.perf_counter()
            await way()
            if number >= WARM_UP:
                taken.append((time.perf_counter() - began) * 1000)
    return Timing.of(durations[0]), Timing.of(durations[1])


async def twenty_agents(
    client: Client, parameters: StdioServerParameters, rounds: int
) -> tuple[float, float]:
    """Calls per second of twenty agents: all by one server, and each by a server of its own."""
    turns = max(1, rounds // 10)

    async def calls_per_second(ways: list[Call]) -> float:
        async def one(way: Call) -> None:
            for _ in range(turns):
                await way()

        await asyncio.gather(*(way() for way in ways))
        began = time.perf_counter()
        await asyncio.gather(*map(one, ways))
        return len(ways) * turns / (time.perf_counter() - began)

    def call_of(client: Client, number: int) -> Call:
        arguments = {"activity": "benchmark", "agent_name": f"agent-{number}"}
        return lambda: client.call_tool("note", arguments)

    one = await calls_per_second([call_of(client, number) for number in range(AGENTS)])
    async with AsyncExitStack() as servers:
        own = [
            await servers.enter_async_context(Client(parameters, mode="legacy"))
            for _ in range(AGENTS)
        ]
        many = await calls_per_second([call_of(each, n) for n, each in enumerate(own)])
    return one, many


if __name__ == "__main__":
    main()
