"""Measure a stack of its own and print what was measured. See README.md in this folder."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

import agent_step
import one_rpc
from measure import Timing
from sharedstate import SharedState
from sharedstate_ops.stack import Stack, StackInfo

PROMISED_CLIENT_COST_MS = 0.5


def main() -> None:
    """Start a stack, measure, print, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000, help="how often each thing is done")
    rounds = parser.parse_args().rounds
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            info = stack.up(progress=console.print)
            report(console, info, rounds)
        finally:
            stack.down()


def report(console: Console, info: StackInfo, rounds: int) -> None:
    """Both tables."""
    console.print(
        f"\nPython {platform.python_version()}, {os.cpu_count()} cores, "
        f"{rounds} rounds after a warm-up; milliseconds\n"
    )
    with SharedState("bench-1", url=info.url, key=info.agent_key, workspace="default") as state:
        by_function = one_rpc.measure(info, state, rounds)
        steps = agent_step.measure(state, rounds)
    table = new_table("One RPC", "function")
    for function, ways in by_function.items():
        for way, timing in ways.items():
            add(table, timing, function, way)
    console.print(table)
    for function, ways in by_function.items():
        cost = ways["SharedState"].p50_ms - ways["http.client"].p50_ms
        verdict = "kept" if cost <= PROMISED_CLIENT_COST_MS else "NOT kept"
        console.print(
            f"{function}: SharedState adds {cost:.2f} ms to http.client at p50 "
            f"(promise: {PROMISED_CLIENT_COST_MS} ms, {verdict})"
        )
    table = new_table("\nOne agent step: lock, read, update, log, release")
    for way, timing in steps.items():
        add(table, timing, way)
    console.print(table)


def new_table(title: str, *leading: str) -> Table:
    """An empty table of timings."""
    table = Table(*leading, "way", title=title, title_justify="left")
    table.add_column("p50", justify="right")
    table.add_column("p99", justify="right")
    return table


def add(table: Table, timing: Timing, *labels: str) -> None:
    """A row of it."""
    table.add_row(*labels, f"{timing.p50_ms:.2f}", f"{timing.p99_ms:.2f}")


if __name__ == "__main__":
    main()
