"""`sharedstate down`: stop the embedded stack; the data stays."""

from __future__ import annotations

from sharedstate_ops.cli.output import HomeOption, home_of, out, steps
from sharedstate_ops.stack import Stack


def down(home: HomeOption = None) -> None:
    """Stop nginx, PostgREST and Postgres. The data stays for the next `sharedstate up`."""
    place = home_of(home)
    with steps() as progress:
        stopped = Stack(place.root).down(progress)
    out.print("sharedstate is stopped; the data stays." if stopped else "nothing was running.")
