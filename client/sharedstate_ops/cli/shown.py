"""How the commands show rows to people: text that cannot act on a terminal, times, figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from sharedstate_ops.importing.exact_json import encode
from sharedstate_ops.printable import printable

SEVERITY_STYLE = {"critical": "bold red", "high": "red", "medium": "yellow"}
UNITS = {"mass_kg": "kg", "cost_usd": "USD", "power_w": "W"}
# Of JSON only these are left that a terminal could take for a command.
_CONTROLS = re.compile("[\x7f-\x9f]")


def print_json(value: object) -> None:
    """One line of JSON with every digit of its numbers."""
    typer.echo(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", encode(value)))


def plain(value: object, style: str = "") -> Text:
    """Text of others: markup in it is text, and control characters are shown as escapes."""
    return Text("" if value is None else printable(str(value)), style=style)


def table(*headings: str, right: Sequence[str] = ()) -> Table:
    """An empty table; the columns named in `right` hold numbers."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        # fold: a name that is cut off could not be given to the next command.
        justify: Literal["left", "right"] = "right" if heading in right else "left"
        is_time = heading in {"at", "since", "made"}
        made.add_column(heading, justify=justify, overflow="fold", no_wrap=is_time)
    return made


def figure(value: Any) -> str:
    """A number with all the decimals that the database keeps, six: 1,234.5; a dash for none."""
    return "-" if value is None else f"{value:,.6f}".rstrip("0").rstrip(".")


def clock(time: str) -> str:
    """A time of the database, local, without its fraction of a second."""
    return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M:%S}"


def span(seconds: float) -> str:
    """A length of time in its two largest units: 3 min 20 s."""
    whole = max(0, round(seconds))
    for size, name, smaller, small_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // smaller
            return (
                f"{whole // size} {name} {rest} {small_name}" if rest else f"{whole // size} {name}"
            )
    return f"{whole} s"


def seconds_between(earlier: str, later: str) -> float:
    """From one time of the database to another."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def names(values: Iterable[str]) -> str:
    """Names in one cell."""
    return ", ".join(values)


def details(values: Mapping[str, Any]) -> str:
    """The details of a log entry or an event in one line: `version 3, state complete`."""
    return ", ".join(f"{key} {_brief(value)}" for key, value in values.items() if value is not None)


def _brief(value: Any) -> str:
    return value if isinstance(value, str) else encode(value)
