"""`sharedstate locks` and `sharedstate release`: who holds what, and giving it back."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from sharedstate_ops.cli.output import HomeOption, out
from sharedstate_ops.cli.session import MOST, JsonOption, NameOption, WorkspaceOption, acting
from sharedstate_ops.cli.shown import clock, plain, print_json, seconds_between, span, table
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack.errors import StackError


def locks(
    name: NameOption,
    mine: Annotated[bool, typer.Option("--mine", help="Only those of --as NAME.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show who holds which lock, until when, and who waits for it."""
    with acting(workspace, home) as operator:
        (board,) = operator.call("get_board", limit_count=MOST)
    leases = [row for row in board["leases"] if not mine or row["locked_by"] == name]
    queue = [row for row in board["queue"] if not mine or row["agent_name"] == name]
    if json:
        print_json({"server_time": board["server_time"], "leases": leases, "queue": queue})
    elif leases or queue:
        out.print(_table(leases, queue, board["server_time"]))
    else:
        out.print("no locks.")


def _table(leases: list[Any], queue: list[Any], now: str) -> Table:
    shown = table("type", "name", "held by", "for another", "execution", "token", "waiting")
    waiting: dict[tuple[str, str], list[str]] = {}
    for row in queue:
        place = (row["resource_type"], row["resource_name"])
        since = span(seconds_between(row["waiting_since"], now))
        waiting.setdefault(place, []).append(f"{row['position']}. {row['agent_name']} ({since})")
    for row in leases:
        place = (row["resource_type"], row["resource_name"])
        shown.add_row(
            plain(row["resource_type"]),
            plain(row["resource_name"]),
            plain(row["locked_by"]),
            span(seconds_between(now, row["expires_at"])),
            plain(row["execution_id"]),
            str(row["fencing_token"]),
            plain(", ".join(waiting.pop(place, []))),
        )
    # They wait for several locks, of which this one is free; or for one that is about to be theirs.
    for (kind, resource), waiters in waiting.items():
        shown.add_row(plain(kind), plain(resource), "", "", "", "", plain(", ".join(waiters)))
    return shown


def release(
    resource: Annotated[str, typer.Argument(metavar="NAME", help="What is locked.")],
    name: NameOption,
    kind: Annotated[str, typer.Option("--type", help="Its type.")] = "subsystem",
    force: Annotated[
        bool, typer.Option("--force", help="End the lease of somebody else; needs --reason.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why, for the log.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Give back a lock that --as NAME holds; with --force that of anybody.

    Writes with the fencing token of a lease that was ended are refused from then on.
    """
    if force != (reason is not None):
        raise typer.BadParameter("--force and --reason go together")
    with acting(workspace, home) as operator:
        lease = _release(operator, kind, resource, name, reason)
    if lease is None:
        raise StackError(f"{kind} {resource} is not locked.", hint="See what is: sharedstate locks")
    if json:
        print_json(lease)
    else:
        out.print(plain(f"released: {kind} {resource}, held by {lease['locked_by']}"))


def _release(
    operator: Operator, kind: str, resource: str, name: str, reason: str | None
) -> Any | None:
    """The lease that was ended; None when there was none."""
    place = {"resource_type": kind, "resource_name": resource}
    if reason is not None:
        ended = operator.call("force_release_lock", **place, released_by=name, reason=reason)
        return next(iter(ended), None)
    (status,) = operator.call("get_lock_status", **place)
    lease = status["holder"]
    if lease is None:
        return None
    if lease["locked_by"] != name:
        raise StackError(
            f"{kind} {resource} is held by {lease['locked_by']}, not by {name}, "
            f"until {clock(lease['expires_at'])}.",
            hint="To end that lease all the same: sharedstate release NAME --force --reason TEXT. "
            "It ends by itself at that time, unless its holder renews it.",
        )
    token = {"execution_id": lease["execution_id"], "fencing_token": lease["fencing_token"]}
    return next(iter(operator.call("release_lock", **place, **token)), None)
