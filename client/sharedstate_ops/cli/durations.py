"""Lengths of time as people type them: 90s, 30m, 8h, 7d, 8w."""

from __future__ import annotations

import re
from datetime import timedelta

import typer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str, *, at_most: timedelta) -> timedelta:
    """How long "30d" is; BadParameter when it says nothing, or more than `at_most`."""
    found = re.fullmatch(r"([0-9]{1,9})([smhdw])", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no time: say 90s, 30m, 8h, 7d or 8w")
    try:
        length = timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        length = timedelta.max
    if length > at_most:
        raise typer.BadParameter(f"{text!r} is too long: {at_most.days} days at most")
    return length
