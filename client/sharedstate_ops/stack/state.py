"""What runs, written down; and the lock that serialises two commands."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from sharedstate_ops.stack.errors import Progress, silent
from sharedstate_ops.stack.files import write_private
from sharedstate_ops.stack.keys import read_keys
from sharedstate_ops.stack.paths import Home

# Of the embedded stack, in the order in which they start.
PARTS = ("postgres", "postgrest", "nginx")


@dataclass
class PartRecord:
    """One started process."""

    pid: int
    port: int
    version: str


@dataclass
class StackState:
    """The parts that were started and not stopped: nginx, postgrest, postgres by name.

    `ports` are those that somebody chose, by part, and outlive a stop.
    """

    parts: dict[str, PartRecord] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)


def read_state(path: Path) -> StackState:
    """What the last command left; an unreadable file counts as nothing started."""
    try:
        stored: dict[str, Any] = json.loads(path.read_text())
        parts = {name: PartRecord(**part) for name, part in stored.pop("parts").items()}
        return StackState(parts, **stored)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return StackState()


def write_state(path: Path, state: StackState) -> None:
    """Replace the state file in one step."""
    write_private(path, json.dumps(asdict(state), indent=2) + "\n")


def living_parts(home: Home) -> dict[str, psutil.Process]:
    """What runs of a home, written down or not: each part's command line names a file of its own.

    No pid has to be trusted for that, which may be another process's by now.
    """
    named = {
        "postgres": str(home.data),
        "postgrest": str(home.run / "postgrest.conf"),
        "nginx": str(home.run / "nginx.conf"),
    }
    found: dict[int, psutil.Process] = {}
    parents: dict[int, int] = {}
    # Of most processes no more than the name is read: every command comes by here.
    for process in psutil.process_iter(["name"]):
        if file := named.get(process.info["name"]):
            with contextlib.suppress(psutil.Error):
                if file in process.cmdline():
                    parents[process.pid] = process.ppid()
                    found[process.pid] = process
    # A process that Postgres has just forked still looks like its parent.
    servers = (process for pid, process in found.items() if parents[pid] not in found)
    return {process.info["name"]: process for process in servers}


def database_address(home: Home) -> str | None:
    """Where the database is, which runs before the other parts do; None while it does not."""
    keys = read_keys(home.keys_file)
    part = read_state(home.state_file).parts.get("postgres")
    return keys.address(part.port) if keys and part else None


@contextlib.contextmanager
def exclusive(path: Path, *, progress: Progress = silent) -> Iterator[None]:
    """Hold a file lock, once whoever has it lets go; the kernel drops it when the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another sharedstate command is at work: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
