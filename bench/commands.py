"""How long a command of the terminal takes, and how much of that it only imports."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from own_stack import own_stack
from sharedstate import SharedState
from sharedstate_ops.cli.commands import COMMANDS
from sharedstate_ops.stack import StackInfo

RUNS = 10
PROMISED_MS, PROMISED_IMPORT_MS = 400, 250
SUBSYSTEM = "skeleton"
# With their arguments.
READS: dict[str, list[str]] = {
    "locks": [],
    "conflicts": [],
    "log": [],
    "budgets": [],
    "workspaces": [],
    "show": [SUBSYSTEM],
    "watch": ["--once"],
}


@dataclass(frozen=True)
class Taken:
    """Milliseconds of the fastest of some runs, and the ratio to an empty run of Python."""

    whole_ms: float
    import_ms: float
    ratio: float


def main() -> None:
    """Start a stack, measure, print, stop it."""
    console = Console()
    with own_stack(console.print) as stack:
        report(console, measure(stack.info, stack.home.root))


def measure(
    info: StackInfo, folder: Path, *, runs: int = RUNS, names: Iterable[str] = READS
) -> dict[str, Taken]:
    """Each read of the database, by the name of its command."""
    with SharedState("bench", url=info.url, key=info.agent_key, workspace="default") as state:
        state.update_subsystem_status(SUBSYSTEM, {"state": "designing"})
    environment = {
        **os.environ,
        "DATABASE_URL": info.database_url,
        "SHAREDSTATE_HOME": str(folder),
        # Compiled once, as for users, whatever this machine does with bytecode.
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    found = {}
    for name in names:
        module = COMMANDS[name].function.partition(":")[0]
        import_module(module)  # a wrong name is an error here, not a fast command
        empty_ms, loaded_ms, whole_ms = fastest(
            [
                ["-c", "pass"],
                ["-c", f"import sharedstate_ops.cli, {module}"],
                ["-m", "sharedstate_ops", name, *READS[name]],
            ],
            environment,
            runs,
        )
        found[name] = Taken(whole_ms, loaded_ms - empty_ms, whole_ms / empty_ms)
    return found


def fastest(programs: list[list[str]], environment: dict[str, str], runs: int) -> list[float]:
    """Milliseconds on the wall of the fastest run of each, in turns.

    What else the machine does makes runs slower, never faster. The first, which compiles, is not
    counted.
    """
    rounds = []
    for _ in range(runs + 1):
        rounds.append([milliseconds([sys.executable, *each], environment) for each in programs])
    return [min(taken) for taken in zip(*rounds[1:], strict=True)]


def milliseconds(command: list[str], environment: dict[str, str]) -> float:
    """How long a command takes on the wall."""
    began = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000


def report(console: Console, found: dict[str, Taken]) -> None:
    """What each took, and whether that is as promised."""
    table = Table(
        "command", "whole, ms", "import, ms", "beside python -c pass", "promise",
        title="Commands that read the database", title_justify="left",
    )  # fmt: skip
    for name, taken in found.items():
        kept = taken.whole_ms <= PROMISED_MS and taken.import_ms <= PROMISED_IMPORT_MS
        table.add_row(
            name,
            f"{taken.whole_ms:.0f}",
            f"{taken.import_ms:.0f}",
            f"{taken.ratio:.1f} times",
            "kept" if kept else "NOT kept",
        )
    console.print(table)
    console.print(f"promise: {PROMISED_MS} ms, of which {PROMISED_IMPORT_MS} for imports")


if __name__ == "__main__":
    main()
