"""What a hook costs an agent, beside a Python that does nothing and the calls that it makes.

Promise: at most 60 ms more than `python -c pass` and its calls of the database.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from measure import Timing, in_turns
from own_stack import own_stack
from sharedstate import SharedState
from sharedstate_agents import plain_rpc
from sharedstate_ops.stack import StackInfo

PROMISED_MS = 60.0
WARM_UP_ROUNDS = 3
PASS = "python -c pass"
CALL = "get_lock_status, one call"
SESSION = "bench"
TOML = '[subsystems]\nskeleton = ["parts/skeleton/**"]\n'
OTHERS = {  # what each does, and how many calls of the database it makes
    "PreToolUse, a file of no subsystem": ("PreToolUse", "README.md", 0),
    "PreToolUse, a file that may be edited": ("PreToolUse", "parts/skeleton/femur.py", 1),
    "PostToolUse, nothing to renew": ("PostToolUse", "parts/skeleton/femur.py", 1),
}


def main() -> None:
    """Start a stack, measure, print, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="how often each thing is done")
    rounds = parser.parse_args().rounds
    console = Console()
    with own_stack(console.print) as stack:
        report(console, measure(stack.info, stack.home.root, rounds), rounds)


def measure(info: StackInfo, folder: Path, rounds: int) -> dict[str, Timing]:
    """Timings of the hooks, of an empty Python and of a call, each once a round.

    `cpu_ms` is what a process used of the processor, at p50: other load disturbs it less.
    """
    cpu: dict[str, list[float]] = {name: [] for name in (PASS, *OTHERS)}
    project = folder / "project"
    project.mkdir()
    (project / "sharedstate.toml").write_text(TOML)
    settings = plain_rpc.Settings(info.url, info.agent_key)
    environment = {
        # An installed package comes with its bytecode, which is not to be made anew each time.
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "CLAUDE_PROJECT_DIR": str(project),
        "SUPABASE_URL": info.url,
        "SUPABASE_KEY": info.agent_key,
        "SHAREDSTATE_WORKSPACE": "default",
    }
    hook = [sys.executable, "-m", "sharedstate_agents.hook"]

    def process(name: str, command: list[str], text: str = "") -> Callable[[], object]:
        def run() -> None:
            before = children_ms()
            subprocess.run(
                command, input=text.encode(), check=True, capture_output=True, env=environment
            )
            cpu[name].append(children_ms() - before)

        return run

    def call() -> object:
        arguments = {"resource_type": "subsystem", "resource_name": "skeleton"}
        deadline = time.monotonic() + 10
        return plain_rpc.call(settings, "get_lock_status", arguments, deadline=deadline)

    contestants = {PASS: process(PASS, [sys.executable, "-c", "pass"]), CALL: call}
    for name, (event, path, _) in OTHERS.items():
        tool_input = {"file_path": str(project / path), "old_string": "a", "new_string": "b"}
        values = {"session_id": SESSION, "tool_name": "Edit", "tool_input": tool_input}
        contestants[name] = process(name, [*hook, event], json.dumps(values))
    with SharedState(
        f"cc:{SESSION}:main", url=info.url, key=info.agent_key, workspace="default"
    ) as state:
        assert state.acquire_lock("subsystem", "skeleton", "skeleton_agent", ttl_seconds=3600)
        timings = in_turns(contestants, rounds, warm_up=WARM_UP_ROUNDS)
    return {
        name: replace(timing, cpu_ms=median(cpu[name][WARM_UP_ROUNDS:]) if name in cpu else None)
        for name, timing in timings.items()
    }


def children_ms() -> float:
    """What the processes that we have waited for used of the processor, in milliseconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


def report(console: Console, timings: dict[str, Timing], rounds: int) -> None:
    """A table, and the promise for each hook."""
    table = Table("what", "p50", "p99", "more at p50", "its CPU")
    console.print(
        f"\nPython {platform.python_version()}, {os.cpu_count()} cores, {rounds} rounds; "
        "milliseconds\n"
    )
    extra: dict[str, float] = {}
    for name, timing in timings.items():
        if name in OTHERS:
            calls = OTHERS[name][2] * timings[CALL].p50_ms
            extra[name] = timing.p50_ms - timings[PASS].p50_ms - calls
        more = f"{extra[name]:.1f}" if name in extra else ""
        cpu = f"{timing.cpu_ms:.1f}" if timing.cpu_ms is not None else ""
        table.add_row(name, f"{timing.p50_ms:.1f}", f"{timing.p99_ms:.1f}", more, cpu)
    console.print(table)
    for name, more_ms in extra.items():
        verdict = "kept" if more_ms <= PROMISED_MS else "NOT kept"
        console.print(
            f"{name}: {more_ms:.0f} ms more than `{PASS}` and its calls "
            f"(promise: {PROMISED_MS:.0f}, {verdict})"
        )


if __name__ == "__main__":
    main()
