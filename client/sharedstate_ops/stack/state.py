"""What runs, written down: the state file, and the lock that serialises two commands."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sharedstate_ops.stack.errors import StackTimeout
from sharedstate_ops.stack.files import write_private
from sharedstate_ops.stack.progress import Progress, silent

# Of the embedded stack, in the order in which they start.
PARTS = ("postgres", "postgrest", "nginx")
# What tells a process from a later one that got its number; see `processes.mark_of`.
Mark = str | float


@dataclass
class PartRecord:
    """One started process. `created` (`processes.mark_of`) guards against a reused pid."""

    pid: int
    created: Mark
    port: int
    version: str
    admin_port: int | None = None


@dataclass
class StackState:
    """The parts that were started and not stopped: nginx, postgrest, postgres by name.

    `ports` are those that somebody chose, by part, and outlive a stop. `visitors` are the commands
    (pid to mark) that use the stack for a while; a `temporary` one, which a visitor started,
    ends with the last of them.
    """

    parts: dict[str, PartRecord] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    visitors: dict[str, Mark] = field(default_factory=dict)
    temporary: bool = False


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


@contextlib.contextmanager
def exclusive(path: Path, *, timeout: float, progress: Progress = silent) -> Iterator[None]:
    """Hold a file lock; the kernel drops it when the holder dies. `timeout` in seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + timeout
        told = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    progress("another sharedstate command is at work: waiting for it")
                    told = True
                if time.monotonic() > deadline:
                    raise StackTimeout(
                        f"another sharedstate command has held {path} for {timeout:.0f} s.",
                        hint="Wait for it to end, or end it, then try again.",
                    ) from None
                # flock has no timeout of its own.
                time.sleep(0.03)
        yield
    finally:
        os.close(descriptor)
