"""`sharedstate prune`: delete old entries of the activity log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from sharedstate_ops.cli.output import HomeOption, TimeoutOption, duration, home_of, out, steps
from sharedstate_ops.cli.target import find_target
from sharedstate_ops.operator import Operator

_FIRST_TIME = datetime(1970, 1, 1, tzinfo=UTC)  # no log is older


def prune(
    older_than: Annotated[
        str,
        typer.Option(metavar="AGE", help="Entries older than this: 30d, 12h, 90m or 8w."),
    ],
    workspace: Annotated[str, typer.Option(help="The design whose log it is.")] = "default",
    timeout: TimeoutOption = 30,
    home: HomeOption = None,
) -> None:
    """Delete old entries of the activity log; nothing else is touched.

    It goes in short steps, so it may run while agents work, and be interrupted.
    """
    now = datetime.now(UTC)
    before = now - duration(older_than, at_most=now - _FIRST_TIME)
    target = find_target(home_of(home))
    total = 0
    with steps() as progress, target.connect(timeout=timeout, progress=progress) as connection:
        operator = Operator(connection, workspace)
        while count := operator.prune_activity(before):
            total += count
            progress(f"{total:,} entries deleted")
    shown = before.strftime("%Y-%m-%d %H:%M:%S")
    out.print(f"{total:,} entries of workspace {escape(workspace)} before {shown} UTC deleted")
