"""`sharedstate init`: migrations, a workspace with its defaults, and a design from files."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sharedstate.cli.output import HomeOption, home_of, out, steps
from sharedstate.cli.target import find_target
from sharedstate.stack import migrations
from sharedstate.stack.workspaces import init_workspace


def init(
    workspace: Annotated[str, typer.Option(help="The design to make.")] = "default",
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="A design in the old file layout, to be imported.",
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="How many seconds to wait for the database.")
    ] = 30,
    home: HomeOption = None,
) -> None:
    """Apply the migrations and make a workspace; what is already there stays as it is."""
    target = find_target(home_of(home))
    with steps() as progress, target.connect(timeout=timeout, progress=progress) as connection:
        applied = migrations.apply_pending(connection, progress=progress)
        init_workspace(connection, workspace)
    done = f"{len(applied)} migrations applied" if applied else "the schema is up to date"
    out.print(f"workspace {escape(workspace)} is ready; {done}.")
    if source is not None:
        # Only this option needs it: the other commands start faster without.
        importing = importlib.import_module("sharedstate.cli.importing")
        raise typer.Exit(importing.import_design(source, target=target, workspace=workspace))
