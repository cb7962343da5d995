"""`sharedstate prune`: delete old entries of the activity log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from sharedstate_ops.cli.output import HomeOption, out, steps
from sharedstate_ops.cli.session import WorkspaceOption, ago, chosen
from sharedstate_ops.operator import Operator


def prune(
    before: Annotated[
        datetime,
        typer.Option(
            "--older-than",
            parser=ago,
            metavar="AGE",
            help="Entries older than this: 30d, 12h, 90m or 8w.",
        ),
    ],
    workspace: WorkspaceOption = None,
    home: HomeOption = None,
) -> None:
    """Delete old entries of the activity log; nothing else is touched.

    It goes in short steps, so it may run while agents work, and be interrupted.
    """
    target, name = chosen(workspace, home)
    total = 0
    with steps() as progress, target.connect(progress=progress) as connection:
        operator = Operator(connection, name)
        while count := operator.call("prune_activity", older_than=before)[0]:
            total += count
            progress(f"{total:,} entries deleted")
    shown = before.strftime("%Y-%m-%d %H:%M:%S")
    out.print(f"{total:,} entries of workspace {escape(name)} before {shown} UTC deleted")
