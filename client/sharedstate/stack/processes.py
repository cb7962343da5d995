"""Starting detached processes, and finding, watching and ending them by their own pid."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from sharedstate.stack.errors import PortTaken, StackError, StackTimeout
from sharedstate.stack.users import RunAs

HOST = "127.0.0.1"
POLL_SECONDS = 0.01
_LOG_LIMIT_BYTES = 10_000_000
_LOG_TAIL_BYTES = 1_000_000
# Below every system's range of outgoing ports, so that no outgoing connection takes them.
_FREE_PORTS = range(20_000, 32_000)
# Children that this process started: kept, so that each is reaped and none warns when collected.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Process:
    """A process by pid and start time (seconds since the epoch)."""

    pid: int
    created: float


def spawn(
    command: Sequence[str], *, cwd: Path, log: Path, run_as: RunAs, env: dict[str, str]
) -> Process:
    """Start a process of its own session that outlives us; its output is appended to `log`."""
    shorten(log)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [*run_as.prefix, *command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **run_as.popen_options,
        )
    _children[child.pid] = child
    try:
        return Process(child.pid, psutil.Process(child.pid).create_time())
    except psutil.NoSuchProcess:
        return Process(child.pid, 0.0)


def find(pid: int, created: float) -> psutil.Process | None:
    """The living process with this pid and start time; None when it ended, or is another one."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - created) > 2 or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def end(process: psutil.Process, *, graceful: signal.Signals, patience: float) -> bool:
    """Ask a process to end, kill it after `patience` seconds. False when it had to be killed."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(graceful)
        # A stopped process hears nothing else.
        process.send_signal(signal.SIGCONT)
    if wait_gone(process, patience):
        return True
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
    if not wait_gone(process, 10):
        raise StackTimeout(f"process {process.pid} does not end, even when killed.")
    return False


def wait_gone(process: psutil.Process, seconds: float) -> bool:
    """Wait until a process has ended, reaped or not; False when it still lives after `seconds`."""
    deadline = time.monotonic() + seconds
    created = process.create_time() if process.is_running() else 0.0
    while find(process.pid, created) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def wait_until(
    ready: Callable[[], bool], *, process: Process, what: str, timeout: float, log: Path
) -> None:
    """Wait for `ready`; the error when it ends or takes too long carries the log's last lines."""
    deadline = time.monotonic() + timeout
    while not ready():
        if find(process.pid, process.created) is None:
            raise StackError(f"{what} ended while starting.", hint=tail(log))
        if time.monotonic() > deadline:
            raise StackTimeout(f"{what} was not ready after {timeout:.0f} s.", hint=tail(log))
        time.sleep(POLL_SECONDS)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, with its name."""
    try:
        text = log.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        text = []
    return "\n".join([f"The last lines of {log}:", *(f"  {line}" for line in text or ["(empty)"])])


def shorten(log: Path) -> bool:
    """Empty a log of over 10 MB and keep its last 1 MB in `.log.1`; whether it was so large.

    Its writer may go on meanwhile, because it appends; a line of this moment may be lost.
    """
    if not log.exists() or log.stat().st_size <= _LOG_LIMIT_BYTES:
        return False
    with log.open("rb") as whole:
        whole.seek(-_LOG_TAIL_BYTES, os.SEEK_END)
        end = whole.read()
    # From the beginning of a line.
    log.with_suffix(".log.1").write_bytes(end.partition(b"\n")[2] or end)
    os.truncate(log, 0)
    return True


def port_is_free(port: int) -> bool:
    """Whether we could listen on 127.0.0.1:port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: connections that linger after a restart do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(avoid: Sequence[int] = ()) -> int:
    """A port that nobody listens on now; somebody may be quicker, so the caller retries."""
    for _ in range(200):
        port = random.choice(_FREE_PORTS)
        if port not in avoid and port_is_free(port):
            return port
    raise StackError("no free port found between 20000 and 32000.")


def require_port(port: int, *, what: str, instead: str) -> None:
    """Raise PortTaken, naming the holder where the system tells, when `port` is in use.

    `instead` is the command that asks for another port.
    """
    if port_is_free(port):
        return
    raise PortTaken(
        f"port {port} of 127.0.0.1, wanted for {what}, is taken{_holder(port)}.",
        hint=f"Stop what runs there, or choose another port: {instead}",
    )


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.pid:
                continue
            if connection.laddr and connection.laddr[1] == port:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        return ""
    return ""


def clean_environment() -> dict[str, str]:
    """Our environment without what would steer the servers: PG*, PGRST_*, NGINX."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "NGINX")) and name != "LD_PRELOAD"
    } | {"LC_ALL": "C", "TZ": "UTC"}


def run(
    command: Sequence[str], *, cwd: Path, timeout: float, run_as: RunAs | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, without a terminal; its output is in the answer."""
    return subprocess.run(
        [*(run_as.prefix if run_as else ()), *command],
        cwd=cwd,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        **(run_as.popen_options if run_as else {}),
    )
