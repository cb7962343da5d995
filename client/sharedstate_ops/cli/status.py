"""`sharedstate status`: what runs, where, and why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg2
import typer
from rich.markup import escape
from rich.table import Table

from sharedstate_ops.cli.output import HomeOption, home_of, out, program, typed
from sharedstate_ops.cli.target import Target, find_target
from sharedstate_ops.cli.up import say_changed, say_workspaces
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack import Stack, StackError, migrations
from sharedstate_ops.stack.connections import Connection
from sharedstate_ops.stack.parts import PartStatus


def status(home: HomeOption = None) -> None:
    """Show each part: running, port, version, and why not. Exit code 0 only if all of them run.

    Where DATABASE_URL or .env name another database (of docker compose, of the platform), show what
    is in that one.
    """
    place = home_of(home)
    stack = Stack(place.root)
    parts = stack.status()
    try:
        target = find_target(place)
    except StackError:
        target = None
    # A part that was started has a port, also when it was killed.
    started = any(part.port for part in parts)
    if target is None or target.embedded or (started and not target.answers()):
        well = _say_stack(stack, parts)
    else:
        well = _say_elsewhere(target, parts)
    if not well:
        raise typer.Exit(1)


def _say_stack(stack: Stack, parts: Sequence[PartStatus]) -> bool:
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
            escape(typed(part.detail)),
        )
    out.print(table)
    out.print(f"home      {escape(str(stack.home.dir))}")
    if any(part.name == "postgres" and part.running for part in parts):
        _say_schema(stack.database)
    well = all(part.running for part in parts)
    if not well:
        out.print(f"start it  {program()} up")
    return well


def _say_elsewhere(target: Target, parts: Sequence[PartStatus]) -> bool:
    out.print(f"database  of {escape(target.source)}")
    states = {"running" if part.running else part.detail for part in parts}
    out.print(f"embedded  {escape(', '.join(sorted(states)))}")
    return _say_schema(lambda: target.connect(timeout=5))


def _say_schema(connect: Callable[[], Connection]) -> bool:
    """What is in the database; False when that cannot be known."""
    try:
        with connect() as connection:
            applied = list(migrations.ledger(connection))
            missing = [migration.version for migration in migrations.pending(connection)]
            changed = migrations.changed(connection)
            workspaces = Operator(connection).list_workspaces()
    except (psycopg2.Error, StackError) as error:
        out.print(f"schema    unknown: {escape(str(error).strip())}")
        return False
    out.print(f"schema    {applied[-1] if applied else 'none'}")
    if missing:
        out.print(f"pending   {', '.join(missing)} (apply: {program()} init)")
    say_changed(changed)
    if workspaces:
        say_workspaces(workspaces)
    return True
