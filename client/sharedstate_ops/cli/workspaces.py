"""`sharedstate workspaces`: the designs in the database."""

from __future__ import annotations

from sharedstate_ops.cli.output import HomeOption, home_of, out
from sharedstate_ops.cli.session import JsonOption
from sharedstate_ops.cli.shown import clock, plain, print_json, table
from sharedstate_ops.cli.target import find_target
from sharedstate_ops.operator import Operator


def workspaces(json: JsonOption = False, home: HomeOption = None) -> None:
    """Show every workspace, and how far its design is."""
    with find_target(home_of(home)).connect(timeout=0) as connection:
        rows = Operator(connection).call("list_workspaces")
    if json:
        print_json(rows)
        return
    numbers = ["subsystems", "complete", "open conflicts"]
    shown = table("workspace", "made", *numbers, right=numbers)
    for row in rows:
        counts = [str(row[key]) for key in ("subsystems", "complete", "open_conflicts")]
        shown.add_row(plain(row["name"]), clock(row["created_at"]), *counts)
    out.print(shown)
