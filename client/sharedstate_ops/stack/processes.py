"""Starting detached processes, and finding, watching and ending them by their own pid."""

from __future__ import annotations

import contextlib
import errno
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

from sharedstate_ops.stack.errors import PortTaken, StackError, StackTimeout
from sharedstate_ops.stack.state import Mark
from sharedstate_ops.stack.users import RunAs

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
    """A process by pid and mark."""

    pid: int
    created: Mark


def spawn(
    command: Sequence[str], *, cwd: Path, log: Path, run_as: RunAs, env: dict[str, str]
) -> Process:
    """Start a process of its own session that outlives us; its output is appended to `log`."""
    shorten(log)
    with log.open("ab") as output:
        # Statements of clients are in it, with the data of their designs.
        os.fchmod(output.fileno(), 0o600)
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
        return Process(child.pid, mark_of(child.pid))
    except psutil.NoSuchProcess:
        return Process(child.pid, 0.0)


def mark_of(pid: int) -> Mark:
    """What tells this process from a later one that gets its number; psutil.NoSuchProcess if none.

    On Linux the boot and the tick since then at which it began: psutil's start time, seconds since
    the epoch, moves when somebody sets the clock.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return psutil.Process(pid).create_time()
    # Field 22. The second, the name in brackets, may contain spaces and brackets of its own.
    return f"{boot} {stat.rpartition(')')[2].split()[19]}"


def find(pid: int, created: Mark) -> psutil.Process | None:
    """The living process with this pid and mark; None when it ended, or is another one."""
    try:
        process = psutil.Process(pid)
        if isinstance(created, str):
            same = mark_of(pid) == created
        else:  # elsewhere than on Linux, and in state files of earlier versions
            same = abs(process.create_time() - created) <= 2
        ended = process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    if ended:
        # Only now: before the look at it, it may have lived.
        _reap(pid)
    return process if same and not ended else None


def _reap(pid: int) -> None:
    """Take the exit status of a child of ours, so that nothing of it remains."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        _children.pop(pid, None)


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
    try:
        created = mark_of(process.pid) if process.is_running() else 0.0
    except psutil.NoSuchProcess:
        return True
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


def last(log: Path) -> str:
    """The last line of a log."""
    return tail(log, 1).splitlines()[-1].strip()


def port_is_free(port: int) -> bool:
    """Whether we could listen on 127.0.0.1:port."""
    return _listening_error(port) == 0


def _listening_error(port: int) -> int:
    """The `errno` of our attempt to listen there, 0 when it succeeds."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: connections that linger after a restart do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            return error.errno or errno.EADDRINUSE
    return 0


def free_port(avoid: Sequence[int] = ()) -> int:
    """A port that nobody listens on now; somebody may be quicker, so the caller retries."""
    for _ in range(200):
        port = random.choice(_FREE_PORTS)
        if port not in avoid and port_is_free(port):
            return port
    raise StackError("no free port found between 20000 and 32000.")


def require_port(port: int, *, what: str, instead: str) -> None:
    """Raise PortTaken, naming the holder where the system tells, when `port` is in use.

    StackError when the system does not give it to us. `instead` is the command that asks for
    another port.
    """
    problem = _listening_error(port)
    if not problem:
        return
    if problem != errno.EADDRINUSE:
        raise StackError(
            f"port {port} of 127.0.0.1, wanted for {what}, cannot be had: {os.strerror(problem)}.",
            hint=f"Ports below 1024 are for root. Choose another: {instead}",
        )
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
