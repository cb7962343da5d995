"""Typed access to the members of one JSON object; what does not fit is reported with its line."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sharedstate import config
from sharedstate_ops.importing.reading import Reading
from sharedstate_ops.importing.strict_json import Node, faults, plain

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# What can be seen, as the database has it in core.is_visible.
_VISIBLE = re.compile(
    r"[^\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
MAX_INTEGER = 2**31 - 1
MAX_AMOUNT = 10**12


def name_fault(name: str) -> str | None:
    """Why `name` may not name a subsystem or an agent, or None."""
    reason = config.name_fault(name)
    return reason and f"the name {name[:60]!r} is not allowed: it {reason}"


def utc(text: str) -> str:
    """ISO 8601 in UTC; without a zone the time is UTC already. ValueError when it is no time.

    >>> utc("2025-11-30T14:02:11.5"), utc("2025-11-30T14:02:11+02:00")
    ('2025-11-30T14:02:11.500000+00:00', '2025-11-30T12:02:11+00:00')
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:60]!r} is no time in ISO 8601") from None


def kind(value: Any) -> str:
    """What a JSON value is, in words for a message."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        shown = value if len(value) <= 40 else value[:37] + "..."
        return f"the text {shown!r}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return f"the number {value}"


class Fields:
    """The members of an object. Each `take` removes one; `rest()` is what nobody asked for.

    A member that is absent, null or wrong is None; only a wrong one is reported.
    """

    def __init__(
        self,
        reading: Reading,
        file: str,
        values: dict[str, Any],
        lines: Mapping[str, int],
        line: int,
        prefix: str = "",
    ) -> None:
        self.reading = reading
        self.file = file
        self.values = values
        self.lines = lines
        self.line = line
        self.prefix = prefix

    @classmethod
    def of(
        cls,
        reading: Reading,
        file: str,
        node: Node,
        prefix: str = "",
        nested: Collection[str] = (),
    ) -> Fields:
        """Members of an object node; those that cannot be stored are reported and absent.

        The keys in `nested` are left to the caller, who looks into them one by one.
        """
        values: dict[str, Any] = {}
        for key, member in node.value.items():
            if key in nested:
                continue
            wrong = next(faults(member, prefix + key), None)
            if wrong is None:
                values[key] = plain(member)
            else:
                path, line, reason = wrong
                reading.problem(file, line, f"{path}: {reason}; left out")
        lines = {key: member.line for key, member in node.value.items()}
        return cls(reading, file, values, lines, node.line, prefix)

    def refuse(self, key: str, reason: str) -> None:
        """Report that the member is left out."""
        line = self.lines.get(key, self.line)
        self.reading.problem(self.file, line, f"{self.prefix}{key}: {reason}; left out")

    def number(self, key: str) -> int | float | Decimal | None:
        """An amount: at least 0, less than 1e12."""
        value = self.values.pop(key, None)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            self.refuse(key, f"must be a number, found {kind(value)}")
        elif value < 0:
            self.refuse(key, f"must not be negative, found {value}")
        elif value >= MAX_AMOUNT:
            self.refuse(key, f"must be less than 1e12, found {value}")
        else:
            return value
        return None

    def integer(self, key: str, low: int = 0, high: int = MAX_INTEGER) -> int | None:
        """A whole number within limits; 3.0 counts as 3."""
        value = self.values.pop(key, None)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(key, f"must be a whole number, found {kind(value)}")
        elif not low <= value <= high:
            self.refuse(key, f"must be from {low} to {high}, found {value}")
        else:
            return value
        return None

    def flag(self, key: str) -> bool | None:
        """true or false."""
        value = self.values.pop(key, None)
        if value is None or isinstance(value, bool):
            return value
        self.refuse(key, f"must be true or false, found {kind(value)}")
        return None

    def text(self, key: str, limit: int, *, one_line: bool = False) -> str | None:
        """A text of 1 to `limit` characters, on request without control characters."""
        value = self.values.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(key, f"must be a text, found {kind(value)}")
        elif one_line and _CONTROL.search(value):
            self.refuse(key, "holds a control character")
        elif not _VISIBLE.search(value):
            self.refuse(key, "is empty")
        elif len(value) > limit:
            self.refuse(key, f"has {len(value)} characters, at most {limit} are allowed")
        else:
            return value
        return None

    def name(self, *keys: str) -> str | None:
        """A name of an agent or execution, under the first of `keys` that is present."""
        for key in keys:
            value = self.values.pop(key, None)
            if value is None:
                continue
            if not isinstance(value, str):
                self.refuse(key, f"must be a name, found {kind(value)}")
            elif reason := name_fault(value):
                self.refuse(key, reason)
            else:
                return value
        return None

    def mapping(self, key: str) -> dict[str, Any] | None:
        """A JSON object."""
        value = self.values.pop(key, None)
        if value is None or isinstance(value, dict):
            return value
        self.refuse(key, f"must be an object, found {kind(value)}")
        return None

    def time(self, *keys: str) -> str | None:
        """A time in UTC, under the first of `keys` that holds one."""
        found: str | None = None
        for key in keys:
            if found is None:
                found = self._one_time(key)
        return found

    def _one_time(self, key: str) -> str | None:
        value = self.values.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(key, f"must be a time such as 2025-11-30T14:02:11, found {kind(value)}")
            return None
        try:
            return utc(value)
        except ValueError as error:
            self.refuse(key, str(error))
            return None

    def rest(self) -> dict[str, Any]:
        """The members that were not asked for."""
        return self.values


def present(**values: Any) -> dict[str, Any]:
    """The given values that are not None."""
    return {key: value for key, value in values.items() if value is not None}
