"""`sharedstate init`: migrations, a workspace with its defaults, and a design from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sharedstate_ops.cli.import_export import import_reading, read_source
from sharedstate_ops.cli.output import HomeOption, TimeoutOption, home_of, out, steps
from sharedstate_ops.cli.target import find_target
from sharedstate_ops.cli.up import say_changed
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack import migrations


def init(
    workspace: Annotated[str, typer.Option(help="The design to make.")] = "default",
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR_OR_FILE",
            help="A design to import: a folder in the old layout, or a file of `export`.",
        ),
    ] = None,
    timeout: TimeoutOption = 30,
    home: HomeOption = None,
) -> None:
    """Apply the migrations and make a workspace; what is already there stays as it is.

    The exit code is 1 when the database has an older text of a migration than the package, and with
    --from when something had to be left out; 2 when there is no design.
    """
    # First, so that a wrong path changes nothing.
    reading = read_source(source) if source is not None else None
    target = find_target(home_of(home))
    with steps() as progress, target.connect(timeout=timeout, progress=progress) as connection:
        applied = migrations.apply_pending(connection, progress=progress)
        changed = migrations.changed(connection)
        if reading is None:
            Operator(connection, workspace).init_workspace()
    exit_code = 0
    if reading is not None:
        with target.connect(timeout=timeout) as connection:
            exit_code = import_reading(reading, connection, workspace)
    done = "the schema is up to date"
    if applied:
        done = f"{len(applied)} migrations applied"
    elif changed:
        done = "the schema is of an older text"
    out.print(f"workspace {escape(workspace)} is ready; {done}.")
    say_changed(changed)
    raise typer.Exit(exit_code or int(bool(changed)))
