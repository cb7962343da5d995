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
import late
import pairs
import waiting
from lockers import RedisPy, StateLock, Way
from peers import Peers, Unavailable, start_all
from sharedstate import SharedState
from sharedstate_ops.stack import Stack, StackInfo

WAITERS = 200
PARTS = ("waiting", "late", "hand-over", "crowd", "pairs", "breakdown")
# Promised: what a crowd may slow others by, without locks of its own and with them.
CROWD_PROMISES = {False: 1.5, True: 2.0}
# Promised of what lasted for 10 s: late by so many seconds at p50 and p99.
LATE_PROMISES = {"lock, 10 s": (0.6, 1.2), "conflict, 10 s": (0.6, None)}
LABELS = (
    "scenario", "way", "call", "durable when it returns", "promise", "who waits",
    "what lasted how long",
)  # fmt: skip


def main() -> None:
    """Start a stack and the peers, measure, print, stop them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=150, help="uncontended pairs of each way")
    parser.add_argument("--seconds", type=float, default=6, help="of each hand-over scenario")
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
        if "waiting" in parts:
            report_waiting(console, stack, info)
        if "late" in parts:
            report_late(console, info)
        if "hand-over" in parts:
            report_hand_over(console, info, peers, options.seconds)
        if "crowd" in parts:
            report_crowd(console, info)
        with SharedState("bench-1", url=info.url, key=info.agent_key, workspace="default") as state:
            if "pairs" in parts:
                report_pairs(console, info, state, peers, options.rounds)
            if "breakdown" in parts:
                report_breakdown(console, info, state, options.rounds)


def report_waiting(console: Console, stack: Stack, info: StackInfo) -> None:
    """What the servers and the waiting clients use while nothing else happens."""
    columns = ("who waits", "postgres", "postgrest", "nginx", "clients", "sum", "bar")
    table = new_table("Waiting: per cent of one core, from second 6 to 16", *columns)
    for case in waiting.CASES:
        used = waiting.measure(stack, info, case)
        total = sum(used.values())
        figures = (used[part] for part in columns[1:5])
        table.add_row(
            case.name, *(f"{figure:.1f}" for figure in figures), f"{total:.1f}",
            f"{case.bar_percent:g} {kept(total <= case.bar_percent)}",
        )  # fmt: skip
    console.print(table)


def report_late(console: Console, info: StackInfo) -> None:
    """How late a waiter learns, against how long it waited."""
    title = f"How late {late.WAITERS} waiters learn of the end, in ms"
    table = new_table(title, "what lasted how long", "p50", "p99", "promise")
    for name, timing in {
        "lock, 1 s": late.of_locks(info, 1),
        "lock, 10 s": late.of_locks(info, 10),
        "conflict, 1 s": late.of_conflicts(info, 1),
        "conflict, 10 s": late.of_conflicts(info, 10),
    }.items():
        promise = ""
        if name in LATE_PROMISES:
            p50, p99 = LATE_PROMISES[name]
            within = timing.p50_ms <= p50 * 1000 and timing.p99_ms <= (p99 or 1e9) * 1000
            limits = f"{p50 * 1000:.0f}" + (f", {p99 * 1000:.0f}" if p99 else "")
            promise = f"{limits}: {kept(within)}"
        table.add_row(name, f"{timing.p50_ms:.0f}", f"{timing.p99_ms:.0f}", promise)
    console.print(table)


def report_hand_over(console: Console, info: StackInfo, peers: Peers, seconds: float) -> None:
    """From the release call to the next holder's return."""
    scenarios = {
        "1 lock, 2 clients": hand_over.Scenario(1, 2, seconds, 0.05),
        "1 lock, 20 clients": hand_over.Scenario(1, 20, seconds, 0.02),
        "20 locks, 3 clients each": hand_over.Scenario(20, 3, seconds, 0.05),
    }
    ways: dict[str, Way] = {"ours": StateLock(info)}
    try:
        ways["redis-py"] = RedisPy(peers.port("redis"))
    except Unavailable as reason:
        console.print(f"redis-py: not measured: {reason}")
    table = new_table(
        "Hand-over: from the release to the next holder's return, in ms",
        *("scenario", "way", "n", "p50", "p99", "out of turn", "wait p99"),
    )
    ratios: list[str] = []
    for name, scenario in scenarios.items():
        p50s: list[float] = []
        for way, locks in ways.items():
            result = hand_over.measure(locks, scenario)
            p50s.append(result.timing.p50_ms)
            table.add_row(
                name, way, str(result.hand_overs), f"{p50s[-1]:.1f}", f"{result.timing.p99_ms:.1f}",
                f"{result.out_of_turn_percent:.0f} %", f"{result.waits.p99_ms:.0f}",
            )  # fmt: skip
        if len(p50s) == 2:
            ratio = p50s[0] / p50s[1]
            ratios.append(f"{name}: {ratio:.2f} of redis-py's p50 (promise: 1, {kept(ratio <= 1)})")
    console.print(table)
    for ratio_line in ratios:
        console.print(ratio_line)


def report_crowd(console: Console, info: StackInfo) -> None:
    """What the holder and bystanders notice."""
    for each_holds_another in (False, True):
        while_holding = ", each holding another" if each_holds_another else ""
        promise = CROWD_PROMISES[each_holds_another]
        title = f"{WAITERS} clients wait for one lock{while_holding}; promise: {promise:g} times"
        results = crowd.measure(info, WAITERS, 25, each_holds_another=each_holds_another)
        print_crowd(console, title, results, promise)


def print_crowd(
    console: Console, title: str, results: dict[str, crowd.Result], promise: float
) -> None:
    """One table."""
    columns = ("call", "idle p50", "idle p99", "p50", "p99", "times")
    table = new_table(title, *columns)
    for call, result in results.items():
        figures = (result.idle.p50_ms, result.idle.p99_ms, result.crowded.p50_ms)
        table.add_row(
            call, *(f"{figure:.2f}" for figure in figures), f"{result.crowded.p99_ms:.2f}",
            f"{result.ratio:.1f} {kept(result.ratio <= promise)}",
        )  # fmt: skip
    console.print(table)


def report_pairs(
    console: Console, info: StackInfo, state: SharedState, peers: Peers, rounds: int
) -> None:
    """Nobody else wants the lock."""
    title = f"Uncontended acquire + release, {rounds} pairs, in ms"
    table = new_table(title, "way", "durable when it returns", "p50", "p99")
    missing: list[str] = []
    for way, result in pairs.measure(info, state, peers, rounds).items():
        if result.timing is None:
            missing.append(f"{way}: not measured: {result.reason}")
            continue
        p50, p99 = f"{result.timing.p50_ms:.2f}", f"{result.timing.p99_ms:.2f}"
        table.add_row(way, result.durability, p50, p99)
    console.print(table, *missing, f"load {load()}", sep="\n")


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


def kept(is_kept: bool) -> str:
    """Whether a promise was."""
    return "kept" if is_kept else "NOT kept"


def new_table(title: str, *columns: str) -> Table:
    """An empty table; whatever is no label is a figure."""
    table = Table(title=f"\n{title}", title_justify="left")
    for column in columns:
        is_label = column in LABELS
        table.add_column(
            column,
            justify="left" if is_label else "right",
            no_wrap=column in ("p50", "p99", "sum", "n"),
        )
    return table


def load() -> str:
    """The machine's load average of the last minute: who else was busy."""
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
