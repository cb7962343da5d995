"""Measure locks on a stack of its own, beside other lock services. See README.md in this folder."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

import breakdown
import crowd
import hand_over
import pairs
from lockers import BareRpc, RedisPy, StateLock, Way
from peers import Peers, Unavailable, start_all
from sharedstate import SharedState
from sharedstate.stack import Stack, StackInfo

WAITERS = 200
PARTS = ("hand-over", "crowd", "pairs", "breakdown")
# Promised: hand-over p50 and p99 (ms), the ratio in a crowd.
PROMISES: dict[str, tuple[float, float | None]] = {
    "1 lock, 20 clients": (8.0, 25.0),
    "20 locks, 3 clients each": (30.0, None),
}
CROWD_PROMISE = 3.0
REDIS_PY = "redis-py Lock, defaults"


def main() -> None:
    """Start a stack and the peers, measure, print, stop them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500, help="uncontended pairs of each way")
    parser.add_argument("--seconds", type=float, default=10, help="of each hand-over scenario")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure these parts")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as closing:
        stack = Stack(Path(folder, "ours"))
        Path(folder, "ours").mkdir()
        closing.callback(stack.down)
        info = stack.up(progress=console.print)
        peers = start_all(Path(folder), closing)
        console.print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores; milliseconds")
        parts = options.only or PARTS
        if "hand-over" in parts:
            report_hand_over(console, info, peers, options.seconds)
        if "crowd" in parts:
            report_crowd(console, info)
        with SharedState("bench-1", url=info.url, key=info.agent_key, workspace="default") as state:
            if "pairs" in parts:
                report_pairs(console, info, state, peers, options.rounds)
            if "breakdown" in parts:
                report_breakdown(console, info, state, options.rounds)


def report_hand_over(console: Console, info: StackInfo, peers: Peers, seconds: float) -> None:
    """From the release call to the next holder's return."""
    scenarios = {
        "1 lock, 2 clients": hand_over.Scenario(1, 2, seconds, 0.05),
        "1 lock, 20 clients": hand_over.Scenario(1, 20, seconds, 0.02),
        "20 locks, 3 clients each": hand_over.Scenario(20, 3, seconds, 0.05),
    }
    ways: dict[str, Way] = {"SharedState.lock": StateLock(info), "http.client": BareRpc(info)}
    try:
        ways[REDIS_PY] = RedisPy(peers.port("redis"))
    except Unavailable as reason:
        console.print(f"{REDIS_PY}: not measured: {reason}")
    ratios: dict[str, float] = {}
    table = new_table(
        "Hand-over: from the release call to the next holder's return",
        *("scenario", "way", "n", "p50", "p99", "out of turn", "wait p50", "wait p99"),
        *("promise", "load"),
    )
    for name, scenario in scenarios.items():
        p50s: dict[str, float] = {}
        for way, locks in ways.items():
            result = hand_over.measure(locks, scenario)
            p50, p99 = result.timing.p50_ms, result.timing.p99_ms
            p50s[way] = p50
            table.add_row(
                name, way, str(result.hand_overs), f"{p50:.1f}", f"{p99:.1f}",
                f"{result.out_of_turn_percent:.0f} %", f"{result.waits.p50_ms:.0f}",
                f"{result.waits.p99_ms:.0f}",
                "" if way == REDIS_PY else verdict(name, p50, p99), load(),
            )  # fmt: skip
        if REDIS_PY in p50s:
            ratios[name] = p50s["SharedState.lock"] / p50s[REDIS_PY]
    console.print(table)
    for name, ratio in ratios.items():
        console.print(f"{name}: SharedState.lock takes {ratio:.2f} of redis-py's p50")


def verdict(scenario: str, p50: float, p99: float) -> str:
    """Whether a promise was kept."""
    if scenario not in PROMISES:
        return ""
    promised_p50, promised_p99 = PROMISES[scenario]
    kept = p50 <= promised_p50 and (promised_p99 is None or p99 <= promised_p99)
    limits = f"{promised_p50:.0f}" + ("" if promised_p99 is None else f", {promised_p99:.0f}")
    return f"{limits}: {'kept' if kept else 'NOT kept'}"


def report_crowd(console: Console, info: StackInfo) -> None:
    """What the holder and bystanders notice."""
    for each_holds_another in (False, True):
        while_holding = ", each holding another" if each_holds_another else ""
        title = (
            f"{WAITERS} clients wait for one lock{while_holding}"
            f" (promise: {CROWD_PROMISE:.0f} times at p50)"
        )
        results = crowd.measure(info, WAITERS, 40, each_holds_another=each_holds_another)
        print_crowd(console, title, results)


def print_crowd(console: Console, title: str, results: dict[str, crowd.Result]) -> None:
    """One table."""
    columns = ("call", "idle p50", "idle p99", "p50", "p99", "times", "load")
    table = new_table(title, *columns)
    for call, result in results.items():
        kept = "kept" if result.ratio <= CROWD_PROMISE else "NOT kept"
        figures = (result.idle.p50_ms, result.idle.p99_ms, result.crowded.p50_ms)
        table.add_row(
            call, *(f"{figure:.2f}" for figure in figures), f"{result.crowded.p99_ms:.2f}",
            f"{result.ratio:.1f} {kept}", load(),
        )  # fmt: skip
    console.print(table)


def report_pairs(
    console: Console, info: StackInfo, state: SharedState, peers: Peers, rounds: int
) -> None:
    """Nobody else wants the lock."""
    title = f"Uncontended acquire + release, {rounds} pairs"
    table = new_table(title, "way", "durable when it returns", "p50", "p99", "times etcd")
    results = pairs.measure(info, state, peers, rounds)
    etcd = results["python-etcd3 Lock, etcd"].timing
    for way, result in results.items():
        if result.timing is None:
            table.add_row(way, f"not measured: {result.reason}", "", "", "")
            continue
        times = f"{result.timing.p50_ms / etcd.p50_ms:.2f}" if etcd else ""
        p50, p99 = f"{result.timing.p50_ms:.2f}", f"{result.timing.p99_ms:.2f}"
        table.add_row(way, result.durability, p50, p99, times)
    console.print(table, f"load {load()}")


def report_breakdown(console: Console, info: StackInfo, state: SharedState, rounds: int) -> None:
    """Where our time goes."""
    timings = breakdown.measure(info, state, rounds)
    table = new_table("The same pair without one part after another", "way", "p50", "p99")
    for way, timing in timings.items():
        table.add_row(way, f"{timing.p50_ms:.2f}", f"{timing.p99_ms:.2f}")
    console.print(table)
    parts = breakdown.shares(timings)
    console.print(
        f"Of {timings['SharedState'].p50_ms:.2f} ms: "
        + ", ".join(f"{part} {milliseconds:.2f}" for part, milliseconds in parts.items())
        + f" (load {load()})"
    )


def new_table(title: str, *columns: str) -> Table:
    """An empty table; whatever is no label is a figure."""
    table = Table(title=f"\n{title}", title_justify="left")
    for column in columns:
        is_label = column in ("scenario", "way", "call", "durable when it returns", "promise")
        table.add_column(column, justify="left" if is_label else "right")
    return table


def load() -> str:
    """The machine's load average of the last minute: who else was busy."""
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
