"""`sharedstate demo`: seven agents, each its own process, design a humanoid robot together."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.markup import escape

from sharedstate_ops.cli.output import HomeOption, home_of, out, program, steps
from sharedstate_ops.stack import Stack, StackError, StackInfo
from sharedstate_ops.stack.paths import checkout_root
from sharedstate_ops.stack.workspaces import init_workspace, list_workspaces


def demo(
    requirements: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Other requirements than the example's."),
    ] = None,
    workspace: Annotated[
        str | None, typer.Option(help="The workspace to design in; else a fresh one.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Run the example on the running stack, or on one that is stopped again afterwards.

    The exit code is the job's: 0 only if the design converged. The data stays.
    """
    job = [sys.executable, str(_job())]
    if requirements is not None:
        job += ["--requirements", str(requirements.resolve())]
        # Before anything is started or made for it.
        if code := subprocess.run([*job, "--check"]).returncode:
            raise typer.Exit(code)
    stack = Stack(home_of(home).root)
    with _running(stack) as info:
        with stack.database() as connection:
            # Until the connection ends: two demos at once take two names.
            connection.execute("select pg_advisory_lock(hashtext('sharedstate demo'))")
            name = workspace or _fresh_name(connection)
            init_workspace(connection, name)
        out.print(f"designing in workspace {escape(name)}")
        code = _run(job, info, name)
    _say_how_to_look(name, stack.anything_runs() and not stack.is_temporary())
    raise typer.Exit(code)


# Before one of them is closed: then it is none any more.
_TERMINALS = [stream for stream in (1, 2) if os.isatty(stream)]


def _end_in_order(number: int, _frame: object) -> None:
    """A request to end: the first one ends us in order, so that the stack is stopped too."""
    if number == signal.SIGHUP:
        _leave_terminals()
    _ignore_endings()
    sys.exit(128 + number)


def _ignore_endings() -> None:
    """From now on none may interrupt the stopping."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _leave_terminals)


def _leave_terminals(*_: object) -> None:
    """Nobody reads a terminal that was closed, and writing to it fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in _TERMINALS:
        os.dup2(nowhere, stream)


@contextmanager
def _running(stack: Stack) -> Iterator[StackInfo]:
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as of SIGHUP below nohup
            signal.signal(number, _end_in_order)
    try:
        with steps() as progress:
            info = stack.up(progress, visiting=True)
        yield info
    finally:
        _ignore_endings()
        # Others may use it by now: another demo, or whoever said `up` meanwhile.
        with steps() as progress:
            stack.leave(progress)


def _job() -> Path:
    root = checkout_root()
    job = root / "examples" / "humanoid" / "run.py" if root else None
    if job is None or not job.is_file():
        raise StackError(
            "the example is not part of this installation.",
            hint="It is in the repository: run `make demo` in a checkout.",
        )
    return job


def _run(command: list[str], info: StackInfo, workspace: str) -> int:
    # A token of the caller's is for some other server, and goes before SUPABASE_KEY.
    inherited = {name: value for name, value in os.environ.items() if name != "SHAREDSTATE_TOKEN"}
    environment = inherited | {
        "SUPABASE_URL": info.url,
        "SUPABASE_KEY": info.agent_key,
        "SHAREDSTATE_WORKSPACE": workspace,
    }
    with subprocess.Popen(command, env=environment) as process:
        try:
            code = process.wait()
        except BaseException:
            # Ctrl-C or a request to end: the job ends its agents, before the database goes.
            process.terminate()
            raise
    # A job ended by a signal has a negative code; a shell would show 128 and the number.
    return code if code >= 0 else 128 - code


def _fresh_name(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    taken = {workspace.name for workspace in list_workspaces(connection)}
    names = (f"humanoid-{number}" for number in count(1))
    return next(name for name in names if name not in taken)


def _say_how_to_look(workspace: str, stays: bool) -> None:
    start = "" if stays else "  make up\n"
    query = (
        "select name, state, current_mass_kg, active_conflicts from system_status "
        "where workspace = '" + workspace.replace("'", "''") + "'"
    )
    quoted = re.sub(r'(["$`\\])', r"\\\1", query)
    out.print(escape(f'look at it:\n{start}  {program()} psql -c "{quoted}"'))
