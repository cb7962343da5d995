"""Measure an empty database and a filled one, in turns. See README.md in this folder."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

import scale_calls
import scale_data
from measure import WARM_UP_ROUNDS, Timing, in_turns
from sharedstate import SharedState
from sharedstate_ops.stack import Stack, StackInfo

EMPTY = "empty"
# What is promised, in milliseconds; and how many times the empty database's time a step may take.
PROMISED_MS = {
    scale_calls.STATUS_PROMISE: 10.0,
    scale_calls.BOARD_PROMISE: 15.0,
    scale_calls.SITUATION_PROMISE: 10.0,
    scale_calls.RELEASE_PROMISE: 10.0,
    scale_calls.ACTIVITY_PROMISE: 5.0,
}
PROMISED_TIMES = 1.2
WORKSPACES = {EMPTY: "default", "typical": scale_data.TYPICAL, "big": scale_data.BIG}


def main() -> None:
    """Start two stacks, fill one, measure both, stop them."""
    options = read_options()
    sizes = scale_data.Sizes(
        options.workspaces, options.activity, options.conflicts, options.documents, options.requests
    )
    console = Console(width=None if os.isatty(1) else 160)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, ExitStack() as closing:
        infos = {name: start(Path(folder, name), closing) for name in (EMPTY, "filled")}
        console.print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
        fill(console, infos["filled"], sizes)
        results = measure(infos, options, closing)
        report(console, results, options.rounds)


def read_options() -> argparse.Namespace:
    """How much is made, and what is measured how often."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workspaces", type=int, default=1_000, help="at least 2")
    parser.add_argument("--activity", type=int, default=10_000_000, help="activity entries")
    parser.add_argument("--conflicts", type=int, default=100_000)
    parser.add_argument("--documents", type=int, default=100_000, help="versions of documents")
    parser.add_argument("--requests", type=int, default=500_000, help="of the last 24 hours")
    parser.add_argument("--rounds", type=int, default=300, help="how often each call is made")
    parser.add_argument("--warm-up", type=int, default=WARM_UP_ROUNDS, help="rounds before those")
    parser.add_argument("--only", action="append", help="measure calls whose name contains this")
    parser.add_argument("--folder", help="for the data; 8 GB with the sizes above")
    return parser.parse_args()


def start(folder: Path, closing: ExitStack) -> StackInfo:
    """A stack of its own, until `closing` ends."""
    folder.mkdir()
    stack = Stack(folder)
    closing.callback(stack.down)
    return stack.up()


def fill(console: Console, info: StackInfo, sizes: scale_data.Sizes) -> None:
    """Make the data and say how."""
    table = new_table("How the filled database was made", "step", "rows", "seconds")
    for part in scale_data.make(info.database_url, sizes):
        table.add_row(part.name, f"{part.rows:,}", f"{part.seconds:.1f}")
    console.print(table)
    table = new_table("What it takes on disk, MB", "table", "itself", "its indexes")
    for space in scale_data.spaces(info.database_url):
        sizes_mb = (f"{size / 1e6:,.0f}" for size in (space.table_bytes, space.index_bytes))
        table.add_row(space.name, *sizes_mb)
    console.print(table)


def measure(
    infos: dict[str, StackInfo], options: argparse.Namespace, closing: ExitStack
) -> dict[str, dict[str, Timing]]:
    """Timings by call and by place; the places take turns."""
    by_place: dict[str, dict[str, Callable[[], object]]] = {}
    for place, workspace in WORKSPACES.items():
        info = infos[EMPTY if place == EMPTY else "filled"]
        state = SharedState("bench-1", url=info.url, key=info.agent_key, workspace=workspace)
        by_place[place] = scale_calls.calls(closing.enter_context(state), closing)
    results: dict[str, dict[str, Timing]] = {}
    for name in by_place[EMPTY]:
        if not options.only or any(part in name for part in options.only):
            contestants = {place: calls[name] for place, calls in by_place.items()}
            results[name] = in_turns(contestants, options.rounds, warm_up=options.warm_up)
    return results


def report(console: Console, results: dict[str, dict[str, Timing]], rounds: int) -> None:
    """One line for each call; the times of the empty database's p50 last."""
    columns = [column for place in WORKSPACES for column in (place, "p99")]
    table = new_table(
        f"Through PostgREST, {rounds} rounds after a warm-up; p50 and p99 in milliseconds",
        *("call", *columns, "typical/empty", "big/empty", "promise"),
    )
    for name, timings in results.items():
        figures = [f"{ms:.2f}" for place in timings.values() for ms in (place.p50_ms, place.p99_ms)]
        times = [timings[place].p50_ms / timings[EMPTY].p50_ms for place in ("typical", "big")]
        table.add_row(name, *figures, *(f"{each:.2f}" for each in times), verdict(name, timings))
    console.print(table, f"load {os.getloadavg()[0]:.1f}")


def verdict(name: str, timings: dict[str, Timing]) -> str:
    """What was promised of this call, and whether both filled workspaces keep it at p50."""
    filled = [timing.p50_ms for place, timing in timings.items() if place != EMPTY]
    if name in scale_calls.STEPS:
        kept = max(filled) <= PROMISED_TIMES * timings[EMPTY].p50_ms
        return f"{PROMISED_TIMES} times: {'kept' if kept else 'NOT kept'}"
    limit = PROMISED_MS.get(name.split(",")[0])
    if limit is None:
        return ""
    return f"{limit:.0f} ms: {'kept' if max(filled) < limit else 'NOT kept'}"


def new_table(title: str, *columns: str) -> Table:
    """An empty table: a label, figures, and perhaps a verdict."""
    table = Table(title=f"\n{title}", title_justify="left")
    for column in columns:
        is_label = column in (columns[0], "promise")
        table.add_column(column, justify="left" if is_label else "right", no_wrap=True)
    return table


if __name__ == "__main__":
    main()
