"""`sharedstate log`: the activity log, the newest entries or all that come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from sharedstate._arguments import pause_of
from sharedstate.errors import ServiceUnavailable, StatementTimeout
from sharedstate_ops.cli.output import HomeOption, err, out, say_warning
from sharedstate_ops.cli.session import (
    PATIENCE_S,
    JsonOption,
    SinceOption,
    WorkspaceOption,
    acting_in,
    chosen,
)
from sharedstate_ops.cli.shown import clock, details, plain, print_json
from sharedstate_ops.cli.target import Target
from sharedstate_ops.stack.errors import StackError

INTERRUPTED = 130
_PAUSE_S = 1.0  # between two attempts at a database that does not answer


def log(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    agent: Annotated[str | None, typer.Option(help="Only entries of this agent.")] = None,
    activity: Annotated[str | None, typer.Option(help="Only this activity.")] = None,
    since: SinceOption = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many old entries.")
    ] = 50,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show entries of the activity log, the newest at the end. With --json one line for each."""
    filters = {"agent_name": agent, "activity": activity}
    target, name = chosen(workspace, home)
    with acting_in(target, name) as operator:
        # Before the old entries are read, so that none is missed between them and what comes.
        (start,) = operator.call("read_activity") if follow else ({},)
        recent = operator.call("get_recent_activity", limit_count=limit, since=since, **filters)
    for entry in reversed(recent):
        _say(entry, json=json)
    if not follow:
        if not recent and not json:
            out.print("no entries.")
        return
    shown = {entry["id"] for entry in recent}
    try:
        for entry in _following(target, name, start["cursor"], filters):
            if entry["id"] not in shown:
                _say(entry, json=json)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _following(
    target: Target, workspace: str, cursor: str, filters: dict[str, str | None]
) -> Iterator[dict[str, Any]]:
    """What comes, also over a restart of the database: behind the cursor no entry is missed."""
    is_cut_off = False
    while True:
        try:
            with acting_in(target, workspace, patience_s=PATIENCE_S) as operator:
                while True:
                    (page,) = operator.call("read_activity", cursor=cursor, **filters)
                    if is_cut_off:
                        err.print("the database answers again.")
                        is_cut_off = False
                    yield from page["entries"]
                    cursor = page["cursor"]
                    if not page["more"]:
                        # As clients do: the database says when, later while nothing happens.
                        time.sleep(pause_of(page["retry_ms"]))
        except (ServiceUnavailable, StatementTimeout, StackError):
            if not is_cut_off:
                say_warning("cut off: the log goes on when the database answers again.")
            is_cut_off = True
            time.sleep(_PAUSE_S)


def _say(entry: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(entry)
        return
    what = f"{entry['agent_name']:<20} {entry['activity']:<22} {details(entry['details'])}"
    out.print(plain(f"{clock(entry['timestamp'])} {what}".rstrip()))
