"""`sharedstate report`: what happened in one design, as text, JSON or a page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from sharedstate_ops.cli.output import HomeOption, duration, out
from sharedstate_ops.cli.session import JsonOption, WorkspaceOption, acting
from sharedstate_ops.cli.shown import LONGEST_AGO, plain, print_json
from sharedstate_ops.report.facts import gather


def report(
    html: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, metavar="FILE", help="Write it as a page that needs no other."
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="AGE", help="What happened since: 30m, 2h or 7d ago.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Say what was done by whom, what was in the way and how it ended, and budgets over time."""
    if html is not None and json:
        raise typer.BadParameter("--html and --json are two forms of it: say one")
    begin = None if since is None else datetime.now(UTC) - duration(since, at_most=LONGEST_AGO)
    with acting(workspace, home) as operator:
        found = gather(operator, begin)
    if json:
        print_json(found)
    elif html is not None:
        from sharedstate_ops.report.page import page

        html.write_text(page(found), encoding="utf-8")
        out.print(plain(f"written: {html}"))
    else:
        from sharedstate_ops.report.text import text

        for part in text(found):
            out.print(part)
