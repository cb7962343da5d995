"""`sharedstate demo`: seven agents, each its own process, design a humanoid robot together."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Annotated

import typer
from dotenv import dotenv_values
from rich.markup import escape

from sharedstate_ops.cli.output import HomeOption, home_of, out, program, steps
from sharedstate_ops.cli.target import Target, answering_env_file
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack import PortTaken, Stack, StackError
from sharedstate_ops.stack.connections import Connection
from sharedstate_ops.stack.paths import Home, checkout_root


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
    """Run the example on the stack of .env if that answers, else on the embedded one.

    The embedded stack is started if need be, and goes on running. The exit code is the job's: 0
    only if the design converged.
    """
    job = [sys.executable, str(_job())]
    if requirements is not None:
        job += ["--requirements", str(requirements.resolve())]
        # Before anything is started or made for it.
        if code := subprocess.run([*job, "--check"]).returncode:
            raise typer.Exit(code)
    target, url, key = _find_stack(home_of(home))
    with target.connect() as connection:
        # Until the connection ends: two demos at once take two names.
        connection.execute("select pg_advisory_lock(hashtext('sharedstate demo'))")
        name = workspace or _fresh_name(connection)
        Operator(connection, name).init_workspace()
    out.print(f"designing in workspace {escape(name)} of {escape(target.source)}")
    code = _run(job, {"SUPABASE_URL": url, "SUPABASE_KEY": key, "SHAREDSTATE_WORKSPACE": name})
    _say_how_to_look(name, embedded=target.embedded)
    raise typer.Exit(code)


def _find_stack(place: Home) -> tuple[Target, str, str]:
    """A database, and the address and the agents' key of the API in front of it."""
    if target := answering_env_file(place):
        values = dotenv_values(place.env_file)
        url, key = values.get("SUPABASE_URL"), values.get("SUPABASE_KEY")
        if not url or not key:
            raise StackError(
                f"{place.env_file} names a database, and not the API in front of it.",
                hint="Set SUPABASE_URL and SUPABASE_KEY there too.",
            )
        return target, url, key
    with steps() as progress:
        stack = Stack(place.root, usual_ports=True)
        try:
            info = stack.up(progress)
        except PortTaken:
            stack = Stack(place.root)  # on free ports
            info = stack.up(progress)
    return Target(stack.database_url, "the embedded stack", embedded=True), info.url, info.agent_key


def _job() -> Path:
    root = checkout_root()
    job = root / "examples" / "humanoid" / "run.py" if root else None
    if job is None or not job.is_file():
        raise StackError(
            "the example is not part of this installation.",
            hint="It is in the repository: run `make demo` in a checkout.",
        )
    return job


def _run(command: list[str], variables: dict[str, str]) -> int:
    # A token of the caller's is for some other server, and goes before SUPABASE_KEY.
    inherited = {name: value for name, value in os.environ.items() if name != "SHAREDSTATE_TOKEN"}
    with subprocess.Popen(command, env=inherited | variables) as process:
        # Whoever ends us means the job, which ends its agents.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: process.terminate())
        code = process.wait()
    # A job ended by a signal has a negative code; a shell would show 128 and the number.
    return code if code >= 0 else 128 - code


def _fresh_name(connection: Connection) -> str:
    taken = {workspace["name"] for workspace in Operator(connection).list_workspaces()}
    names = (f"humanoid-{number}" for number in count(1))
    return next(name for name in names if name not in taken)


def _say_how_to_look(workspace: str, *, embedded: bool) -> None:
    query = (
        "select name, state, current_mass_kg, active_conflicts from system_status "
        "where workspace = '" + workspace.replace("'", "''") + "'"
    )
    quoted = re.sub(r'(["$`\\])', r"\\\1", query)
    out.print(escape(f'look at it:\n  {program()} psql -c "{quoted}"'))
    out.print(escape(f"  {program()} report --workspace {shlex.quote(workspace)}"))
    if embedded:
        out.print(f"stop it (the data stays):\n  {program()} down")
