"""Stopping parts in order, and those that no state file tells of."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from sharedstate_ops.stack import postgres, processes
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.progress import Progress
from sharedstate_ops.stack.state import PARTS, StackState, write_state

_PATIENCE_SECONDS = 5.0
_POSTGRES_SECONDS = 60.0


def stop_part(home: Home, state: StackState, name: str, progress: Progress) -> bool:
    """Stop one part and forget it; False when it did not run."""
    part = state.parts.pop(name, None)
    if part is None:
        return False
    process = processes.find(part.pid, part.created)
    if process is not None:
        progress(f"stopping {name}")
        if name == "postgres":
            end_postgres(process, home.data, progress)
        else:
            processes.end(process, graceful=signal.SIGTERM, patience=_PATIENCE_SECONDS)
    write_state(home.state_file, state)
    return process is not None


def stop_all(home: Home, state: StackState, progress: Progress) -> bool:
    """Stop every part, recorded or not; False when nothing ran."""
    stopped = [stop_part(home, state, name, progress) for name in reversed(PARTS)]
    stopped += [bool(end_unrecorded(home, ("nginx", "postgrest"), progress))]
    server, orphans = postgres.servers_on(home.data)
    if server is not None:
        end_postgres(server, home.data, progress)
    for process in orphans:
        processes.end(process, graceful=signal.SIGQUIT, patience=_PATIENCE_SECONDS)
    # Last: what an interrupted stop leaves running is still known to be a demo's.
    state.temporary, state.visitors = False, {}
    write_state(home.state_file, state)
    return any([*stopped, server, orphans])


def end_unrecorded(home: Home, names: Iterable[str], progress: Progress) -> list[str]:
    """End the nginx and PostgREST of a home that its state file, lost or damaged, does not name."""
    ended = []
    for process in _running_in(home.run, tuple(names)):
        name = process.name()
        progress(f"{name} runs unrecorded (process {process.pid}): stopping it")
        processes.end(process, graceful=signal.SIGTERM, patience=_PATIENCE_SECONDS)
        ended.append(name)
    return ended


def _running_in(folder: Path, names: tuple[str, ...]) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name() in names and Path(process.cwd()).samefile(folder):
                found.append(process)
    return found


def end_postgres(process: psutil.Process, data: Path, progress: Progress) -> None:
    """The fast shutdown: sessions are ended, nothing is lost. The immediate one when that hangs.

    A server that is asked to stop while it recovers from the crash of a backend waits for its
    checkpointer, which nobody tells (seen up to Postgres 17). It has written nothing that the next
    recovery does not write again.
    """
    was_ready = postgres.stage_of(data, process.pid) != "starting"
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGINT)
        # A stopped process hears nothing else.
        process.send_signal(signal.SIGCONT)
    began = time.monotonic()
    while not processes.wait_gone(process, _PATIENCE_SECONDS):
        waited = time.monotonic() - began
        if not was_ready or waited > _POSTGRES_SECONDS or _hangs(process):
            progress("postgres does not end: ending it as in a crash; the next start recovers")
            processes.end(process, graceful=signal.SIGQUIT, patience=10)
            return
        progress(f"still stopping postgres, after {waited:.0f} s")


def _hangs(server: psutil.Process) -> bool:
    """Whether only the checkpointer is left, and it does not write: it sleeps."""
    before = _checkpointer_alone(server)
    if before is None:
        return False
    time.sleep(1)  # the one who writes does something in a second
    return before == _checkpointer_alone(server)


def _checkpointer_alone(server: psutil.Process) -> object:
    """What the only process left has done so far, when that is a sleeping checkpointer."""
    with contextlib.suppress(psutil.Error):
        children = server.children()
        titles = {" ".join(child.cmdline()) for child in children}
        if len(children) == 1 and "checkpointer" in titles.pop():
            child = children[0]
            if child.status() == psutil.STATUS_SLEEPING:
                return child.pid, child.num_ctx_switches(), child.cpu_times()
    return None
