"""`sharedstate report`: what happened in one design, as text, JSON or a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sharedstate_ops.cli.output import HomeOption, out
from sharedstate_ops.cli.session import JsonOption, SinceOption, WorkspaceOption, acting
from sharedstate_ops.cli.shown import plain, print_json
from sharedstate_ops.report.facts import gather


def report(
    html: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, metavar="FILE", help="Write it as a page that needs no other."
        ),
    ] = None,
    since: SinceOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Say what was done by whom, what was in the way and how it ended, and budgets over time."""
    if html is not None and json:
        raise typer.BadParameter("--html and --json are two forms of it: say one")
    with acting(workspace, home) as operator:
        found = gather(operator, since)
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
