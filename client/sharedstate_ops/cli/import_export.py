"""`sharedstate init`, with a design from files if there is one, and `sharedstate export`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from sharedstate_ops.cli.output import HomeOption, err, out, steps
from sharedstate_ops.cli.session import WorkspaceOption, chosen
from sharedstate_ops.cli.up import say_changed
from sharedstate_ops.importing.export_file import SECTIONS, lines, read_export, write_export
from sharedstate_ops.importing.legacy import read_design
from sharedstate_ops.importing.reading import Reading
from sharedstate_ops.importing.upload import Outcome, upload
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack import migrations
from sharedstate_ops.stack.connections import Connection


def init(
    workspace: WorkspaceOption = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR_OR_FILE",
            help="A design to import: a folder in the old layout, or a file of `export`.",
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="How many seconds to wait for the database.")
    ] = 30,
    home: HomeOption = None,
) -> None:
    """Apply the migrations and make a workspace; what is already there stays as it is.

    The exit code is 1 when the database has an older text of a migration than the package, and with
    --from when something had to be left out; 2 when there is no design.
    """
    # First, so that a wrong path changes nothing.
    reading = _read(source) if source is not None else None
    target, name = chosen(workspace, home)
    with steps() as progress, target.connect(timeout=timeout, progress=progress) as connection:
        applied = migrations.apply_pending(connection, progress=progress)
        changed = migrations.changed(connection)
        if reading is None:
            Operator(connection, name).init_workspace()
    exit_code = 0
    if reading is not None:
        with target.connect(timeout=timeout) as connection:
            exit_code = import_reading(reading, connection, name)
    done = "the schema is up to date"
    if applied:
        done = f"{len(applied)} migrations applied"
    elif changed:
        done = "the schema is of an older text"
    out.print(f"workspace {escape(name)} is ready; {done}.")
    say_changed(changed)
    raise typer.Exit(exit_code or int(bool(changed)))


def export(
    workspace: WorkspaceOption = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Where to write; else standard output."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Write a whole workspace as one JSON document, for `sharedstate init --from FILE`."""
    target, name = chosen(workspace, home)
    with target.connect() as connection:
        (document,) = Operator(connection, name).call("export_state")
    if output is None:
        sys.stdout.writelines(lines(document))
        return
    write_export(document, output)
    entries = sum(len(document[section]) for section in SECTIONS)
    out.print(f"{entries:,} entries of workspace {escape(name)} in {escape(str(output))}")


def _read(source: Path) -> Reading:
    return read_export(source) if source.is_file() else read_design(source)


def import_reading(reading: Reading, connection: Connection, workspace: str) -> int:
    """Import into a workspace, made if need be, and report. The exit code: 1 if not all went in.

    What the database has in a later state stays there and is listed: no error, the usual case when
    a design is imported again after work on it has begun.
    """
    operator = Operator(connection, workspace)
    # The defaults come last, and only where the import left a gap.
    operator.init_workspace(with_defaults=False)
    with Progress(console=err, transient=not err.is_terminal) as progress:
        task = progress.add_task("importing", total=len(reading.entries))
        outcome = upload(
            reading,
            lambda document: operator.call("import_state", document=document),
            lambda n: progress.advance(task, n),
        )
    if not _is_whole(reading):
        operator.init_workspace()
    out.print(_table(outcome))
    _list("to know", reading.notes)
    _list("left in place, because the database has something else by now", outcome.refused)
    _list("left out", reading.problems)
    return 1 if reading.problems else 0


def _is_whole(reading: Reading) -> bool:
    """Whether the workspace was exported whole: then defaults would be additions to it."""
    found = {entry.section for entry in reading.entries}
    return "fencing" in reading.counters and {"global_constraints", "subsystems"} <= found


def _table(outcome: Outcome) -> Table:
    table = Table("section")
    for heading in ("imported", "unchanged", "left in place"):
        table.add_column(heading, justify="right")
    refused = Counter(entry.section for entry in outcome.refused)
    for section in (*SECTIONS, "counters"):
        numbers = [each[section] for each in (outcome.imported, outcome.unchanged, refused)]
        if any(numbers):
            table.add_row(section, *(f"{n:,}" if n else "" for n in numbers))
    return table


def _list(heading: str, lines: Sequence[object]) -> None:
    if lines:
        out.print(f"[bold]{len(lines):,} {heading}[/bold]")
    for line in lines:
        out.print(f"  {escape(str(line))}")
