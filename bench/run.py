"""Measure a stack of its own and print what was measured. See README.md in this folder."""

from __future__ import annotations

import argparse
import os
import platform

from rich.console import Console
from rich.table import Table

import agent_step
import first_answer
import importing
import one_rpc
from measure import Timing
from own_stack import own_stack
from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo

# SharedState beside bare supabase-py, and a step by two calls beside five.
PROMISED_CLIENT = 1.15
PROMISED_STEP = 0.6


def main() -> None:
    """Start a stack, measure, print, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000, help="how often each thing is done")
    rounds = parser.parse_args().rounds
    console = Console()
    with own_stack(console.print) as stack:
        report(console, stack.info, rounds)


def report(console: Console, info: StackInfo, rounds: int) -> None:
    """All tables."""
    console.print(
        f"\nPython {platform.python_version()}, {os.cpu_count()} cores, "
        f"{rounds} rounds after a warm-up; milliseconds\n"
    )
    with SharedState("bench-1", url=info.url, key=info.agent_key, workspace="default") as state:
        by_function = one_rpc.measure(info, state, rounds)
        steps = agent_step.measure(state, rounds)
    upserts = one_rpc.upserts(info, rounds)
    table = new_table("One RPC", "function")
    for function, ways in by_function.items():
        for way, timing in ways.items():
            add(table, timing, function, way)
    console.print(table)
    for function, ways in by_function.items():
        ours, bare = ways["SharedState"], ways[one_rpc.SUPABASE]
        wall, cpu = ours.p50_ms / bare.p50_ms, (ours.cpu_ms or 0) / (bare.cpu_ms or 1)
        promise(console, f"{function}: SharedState beside bare supabase-py", wall, PROMISED_CLIENT)
        promise(console, f"{function}: the same in processor time", cpu, PROMISED_CLIENT)
    table = new_table("\nOne status, by pgbench")
    for way, timing in upserts.items():
        add(table, timing, way)
    console.print(table)
    table = new_table("\nOne agent step: lock, read, update, log, release")
    for way, timing in steps.items():
        add(table, timing, way)
    console.print(table)
    five, two = (timing.p50_ms for timing in steps.values())
    promise(console, "a step by two calls beside five", two / five, PROMISED_STEP)
    console.print()
    for what, seconds in first_answer.measure(info).items():
        console.print(f"{what}: {seconds * 1000:.0f} ms")
    took = importing.measure(info)
    console.print(f"import of {importing.LINES:,} log lines: {took:.1f} s")


def promise(console: Console, what: str, ratio: float, most: float) -> None:
    """A line on a ratio at p50."""
    verdict = "kept" if ratio <= most else "NOT kept"
    console.print(f"{what}: {ratio:.2f} (promise: {most}, {verdict})")


def new_table(title: str, *leading: str) -> Table:
    """An empty table of timings."""
    table = Table(*leading, "way", title=title, title_justify="left")
    table.add_column("p50", justify="right")
    table.add_column("p99", justify="right")
    table.add_column("client's CPU", justify="right")
    return table


def add(table: Table, timing: Timing, *labels: str) -> None:
    """A row of it."""
    cpu = "" if timing.cpu_ms is None else f"{timing.cpu_ms:.2f}"
    table.add_row(*labels, f"{timing.p50_ms:.2f}", f"{timing.p99_ms:.2f}", cpu)


if __name__ == "__main__":
    main()
