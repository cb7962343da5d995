"""`sharedstate status`: what runs, where, and why not."""

from __future__ import annotations

import psycopg
import typer
from rich.markup import escape
from rich.table import Table

from sharedstate.cli.output import HomeOption, home_of, out, program
from sharedstate.cli.up import say_changed, say_workspaces
from sharedstate.stack import Stack, StackError, migrations
from sharedstate.stack.workspaces import has_schema, list_workspaces


def status(home: HomeOption = None) -> None:
    """Show each part: running, port, version, and why not. Exit code 0 only if all of them run."""
    place = home_of(home)
    stack = Stack(place.root)
    parts = stack.status()
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "running", "port", "version", "process", "remark"):
        table.add_column(heading, no_wrap=heading != "remark")
    for part in parts:
        table.add_row(
            part.name,
            "[green]yes[/green]" if part.running else "[red]no[/red]",
            str(part.port or "-"),
            part.version or "-",
            str(part.pid or "-"),
            escape(part.detail),
        )
    out.print(table)
    out.print(f"home      {escape(str(place.dir))}")
    if stack.is_abandoned() and stack.anything_runs():
        out.print(f"until     {program()} down (the demo that it was for was killed)")
    elif stack.is_temporary() and stack.anything_runs():
        out.print(f"until     the demo ends (keep it running: {program()} up)")
    if any(part.name == "postgres" and part.running for part in parts):
        _say_schema(stack)
    if not all(part.running for part in parts):
        out.print(f"start it  {program()} up")
        raise typer.Exit(1)


def _say_schema(stack: Stack) -> None:
    try:
        with stack.database() as connection:
            applied = migrations.applied_versions(connection)
            missing = [migration.version for migration in migrations.pending(connection)]
            out.print(f"schema    {applied[-1] if applied else 'none'}")
            if missing:
                out.print(f"pending   {', '.join(missing)} (apply: {program()} init)")
            for migration in migrations.changed(connection):
                say_changed(migration.path.name)
            if has_schema(connection):
                say_workspaces(list_workspaces(connection))
    except (psycopg.Error, StackError) as error:
        out.print(f"schema    unknown: {escape(str(error).strip())}")
