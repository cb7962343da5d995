"""`sharedstate init`: migrations, a workspace with its defaults, and a design from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sharedstate.cli.import_export import import_reading, read_source
from sharedstate.cli.output import HomeOption, TimeoutOption, home_of, out, steps
from sharedstate.cli.target import find_target
from sharedstate.stack import migrations
from sharedstate.stack.workspaces import init_workspace


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
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="With --from: write every problem and note of the import here.",
        ),
    ] = None,
    timeout: TimeoutOption = 30,
    home: HomeOption = None,
) -> None:
    """Apply the migrations and make a workspace; what is already there stays as it is.

    With --from the exit code is 1 when something had to be left out, and 2 when there is no design.
    """
    if report is not None and source is None:
        raise typer.BadParameter("a report is written of an import: give --from too")
    # First, so that a wrong path changes nothing.
    reading = read_source(source) if source is not None else None
    target = find_target(home_of(home))
    with steps() as progress, target.connect(timeout=timeout, progress=progress) as connection:
        applied = migrations.apply_pending(connection, progress=progress)
        if reading is None:
            init_workspace(connection, workspace)
    exit_code = 0
    if reading is not None:
        with target.connect(timeout=timeout) as connection:
            exit_code = import_reading(reading, connection, workspace, report)
    done = f"{len(applied)} migrations applied" if applied else "the schema is up to date"
    out.print(f"workspace {escape(workspace)} is ready; {done}.")
    raise typer.Exit(exit_code)
