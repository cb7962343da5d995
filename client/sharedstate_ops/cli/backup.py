"""`sharedstate backup` and `sharedstate restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sharedstate_ops.backup import DEFAULT_GAP
from sharedstate_ops.backup import back_up as write_backup
from sharedstate_ops.backup import restore as read_backup
from sharedstate_ops.cli.output import HomeOption, home_of, out, say_warning, steps
from sharedstate_ops.cli.target import find_target
from sharedstate_ops.cli.up import say_changed
from sharedstate_ops.stack import migrations


def backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write; must not exist.")],
    home: HomeOption = None,
) -> None:
    """Write every workspace, with schema and history, as one archive of pg_dump.

    While agents work: it shows one moment. Beside it goes FILE.sha256. No keys are in it.
    """
    target = find_target(home_of(home))
    with steps() as progress, target.connect(progress=progress) as connection:
        progress(f"saving the database of {target.source}")
        made = write_backup(connection, target.environment(), file)
    out.print(
        f"{escape(str(made.path))}: {made.tables} tables, {made.size_bytes:,} bytes, read through"
    )
    out.print(f"sha256 {made.checksum}")


def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A backup.")],
    force: Annotated[
        bool, typer.Option("--force", help="Also where there is data: it is replaced.")
    ] = False,
    gap: Annotated[
        int,
        typer.Option(
            min=0,
            max=1_000_000_000,
            help="How far tokens and numbers jump: more than were handed out since the backup.",
        ),
    ] = DEFAULT_GAP,
    home: HomeOption = None,
) -> None:
    """Put a backup into an empty database, or in the place of our own schema there.

    All of it, or nothing on an error. Leases end. Agents that run notice it by `lease_lost` and
    may go on; better stop them before.
    """
    target = find_target(home_of(home))
    with steps() as progress, target.connect(progress=progress) as connection:
        progress(f"restoring into the database of {target.source}")
        tables = read_backup(connection, target.environment(), file, force=force, gap=gap)
        waiting = migrations.pending(connection)
        changed = migrations.changed(connection)
    out.print(f"{len(tables)} tables restored; numbers go on {gap:,} further.")
    say_changed(changed)
    if waiting:
        say_warning("the backup is of an older version: bring it up to date by sharedstate init")
