"""`sharedstate prune`: delete old entries of the activity log."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape

from sharedstate.cli.output import HomeOption, home_of, out, steps
from sharedstate.cli.target import find_target
from sharedstate.exchange.operator import Operator

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def prune(
    older_than: Annotated[
        str,
        typer.Option(metavar="AGE", help="Entries older than this: 30d, 12h, 90m or 8w."),
    ],
    workspace: Annotated[str, typer.Option(help="The design whose log it is.")] = "default",
    timeout: Annotated[
        float, typer.Option(min=0, help="How many seconds to wait for the database.")
    ] = 30,
    home: HomeOption = None,
) -> None:
    """Delete old entries of the activity log; nothing else is touched.

    It goes in short steps, so it may run while agents work, and be interrupted.
    """
    before = datetime.now(UTC) - age(older_than)
    target = find_target(home_of(home))
    total = 0
    with steps() as progress, target.connect(timeout=timeout, progress=progress) as connection:
        operator = Operator(connection, workspace)
        while count := operator.prune_activity(before):
            total += count
            progress(f"{total:,} entries deleted")
    shown = before.strftime("%Y-%m-%d %H:%M:%S")
    out.print(f"{total:,} entries of workspace {escape(workspace)} before {shown} UTC deleted")


def age(text: str) -> timedelta:
    """How long "30d" is; BadParameter when it says nothing."""
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", text.strip())
    if found is None:
        raise typer.BadParameter("give a number and a unit, such as 30d, 12h, 90m or 8w")
    try:
        length = timedelta(**{_UNITS[found[2]]: int(found[1])})
        datetime.now(UTC) - length
    except OverflowError as error:
        raise typer.BadParameter("the log is not as old as that") from error
    return length
