"""Starting detached processes, watching and ending them; ports and logs."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.users import RunAs

HOST = "127.0.0.1"
POLL_SECONDS = 0.01
_LOG_LIMIT_BYTES = 10_000_000
_LOG_TAIL_BYTES = 1_000_000
# Below every system's range of outgoing ports, so that no outgoing connection takes them.
_FREE_PORTS = range(20_000, 32_000)


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    run_as: RunAs | None = None,
    text: str = "",
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end on an input; its output is in the answer."""
    return subprocess.run(
        [*(run_as or RunAs()).prefix, *command],
        cwd=cwd,
        env=clean_environment(),
        input=text,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
    )


def clean_environment() -> dict[str, str]:
    """Our environment without what would steer the servers: PG*, PGRST_*, NGINX."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "NGINX")) and name != "LD_PRELOAD"
    } | {"LC_ALL": "C", "TZ": "UTC"}


def lives(process: psutil.Process) -> bool:
    """Whether a process has not ended yet; a child of ours that has is reaped."""
    with contextlib.suppress(psutil.NoSuchProcess):
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.is_running()
        if process.ppid() == os.getpid():
            process.wait()  # until the last of its threads has ended as well
    return False


def wait_gone(process: psutil.Process, seconds: float) -> bool:
    """Wait until a process has ended; False when it still lives after `seconds`."""
    deadline = time.monotonic() + seconds
    while lives(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def end(process: psutil.Process, *signals: tuple[signal.Signals, float]) -> signal.Signals:
    """Send signals, each with its seconds of patience, then SIGKILL; which one ended it."""
    for number, patience in (*signals, (signal.SIGKILL, 10)):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
            # A stopped process hears nothing else.
            process.send_signal(signal.SIGCONT)
        if wait_gone(process, patience):
            return number
    raise StackError(f"process {process.pid} does not end, even when killed.")


def wait_until(
    ready: Callable[[], bool], *, process: psutil.Process, what: str, log: Path, timeout: float = 30
) -> None:
    """Wait for `ready`; the error when it ends or takes too long carries the log's last lines."""
    deadline = time.monotonic() + timeout
    while not ready():
        if not lives(process):
            raise StackError(f"{what} ended while starting.", hint=tail(log))
        if time.monotonic() > deadline:
            raise StackError(f"{what} was not ready after {timeout:.0f} s.", hint=tail(log))
        time.sleep(POLL_SECONDS)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, with its name."""
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join([f"The last lines of {log}:", *(f"  {line}" for line in text or ["(empty)"])])


def shorten(log: Path) -> None:
    """Empty a log of over 10 MB and keep its last 1 MB in `.log.1`.

    Its writer may go on meanwhile, because it appends; a line of this moment may be lost.
    """
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        with log.open("rb") as whole:
            whole.seek(-_LOG_TAIL_BYTES, os.SEEK_END)
            kept = whole.read()
        # From the beginning of a line.
        log.with_suffix(".log.1").write_bytes(kept.partition(b"\n")[2] or kept)
        os.truncate(log, 0)


def listen_once(port: int) -> None:
    """Listen on 127.0.0.1:port for a moment; OSError when that cannot be."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: connections that linger after a restart do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        probe.listen(1)


def free_port(avoid: Sequence[int] = ()) -> int:
    """A port that nobody listens on now."""
    for port in random.sample(_FREE_PORTS, 200):
        with contextlib.suppress(OSError):
            if port not in avoid:
                listen_once(port)
                return port
    raise StackError("no free port found between 20000 and 32000.")
