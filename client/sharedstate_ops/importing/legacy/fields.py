"""Typed access to the members of one JSON object; what does not fit is collected with its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from sharedstate.config import name_fault
from sharedstate_ops.importing.exact_json import Fault, faults
from sharedstate_ops.importing.reading import Finding, Place, faults_in

T = TypeVar("T")
Number = int | float | Decimal

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Fields:
    """The members of an object. Each `take` removes one; `rest` is what nobody asked for.

    A member that is absent, null or wrong is None; a wrong one is added to `wrong`.
    """

    def __init__(self, values: dict[str, Any], place: Place) -> None:
        self.values = dict(values)
        self.place = place
        self.wrong: list[Finding] = []
        # Looked at once, because logs have many lines and few faults.
        self._has_faults = next(faults(values), None) is not None

    def take(self, read: Callable[[Any], T], *keys: str) -> T | None:
        """What `read` makes of the first of these keys that fits; its ValueError is the reason."""
        for key in keys:
            value = self.values.pop(key, None)
            if value is not None and self._is_storable(key, value):
                try:
                    return read(value)
                except ValueError as error:
                    self.refuse(key, str(error))
        return None

    def inside(self, key: str) -> Fields | None:
        """The members of the object under a key; its faults go where those of this one go."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            self.take(mapping, key)  # says what is wrong
            return None
        inner = Fields(self.values.pop(key), self.place.at(key))
        inner.wrong = self.wrong
        return inner

    def rest(self) -> dict[str, Any]:
        """The members that were not asked for."""
        return {k: v for k, v in self.values.items() if self._is_storable(k, v)}

    def details(self) -> dict[str, Any]:
        """The object under `details`, and beside its members those that were not asked for."""
        details = self.take(mapping, "details") or {}
        for key, value in self.rest().items():
            if details.setdefault(key, value) != value:
                self.refuse(key, "stands in details with another value")
        return details

    def require(self, entry: dict[str, Any], **words: str) -> None:
        """If nothing is wrong, these must be in the entry, which the source names by the words."""
        missing = [word for key, word in words.items() if key not in entry]
        if missing and not self.wrong:
            self.wrong.append(Finding(self.place, f"has no {' and no '.join(missing)}"))

    def refuse(self, key: str, reason: str) -> None:
        """Add a member to what is wrong."""
        self.wrong.append(Finding(self.place.at(key), reason))

    def _is_storable(self, key: str, value: Any) -> bool:
        wrong = faults_in({key: value}, self.place) if self._has_faults else []
        self.wrong += wrong
        return not wrong


def _instance(wanted: type[T], words: str) -> Callable[[Any], T]:
    def read(value: Any) -> T:
        if not isinstance(value, wanted):
            raise _unfit(words, value)
        return value

    return read


def amount(value: Any) -> Number:
    """A number, at least 0 and less than 1e12."""
    if isinstance(value, bool) or not isinstance(value, Number):
        raise _unfit("a number", value)
    if value < 0:
        raise ValueError(f"must not be negative, found {value}")
    if value >= 10**12:
        raise ValueError(f"must be less than 1e12, found {value}")
    return value


def whole(low: int = 0, high: int = 2**31 - 1) -> Callable[[Any], int]:
    """Reads a whole number within limits; 3.0 counts as 3."""

    def read(value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _unfit("a whole number", value)
        if not low <= value <= high:
            raise _unfit(f"from {low} to {high}", value)
        return value

    return read


def text(limit: int, *, one_line: bool = False) -> Callable[[Any], str]:
    """Reads a text of 1 to `limit` characters, on request without control characters."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise _unfit("a text", value)
        if one_line and _CONTROL.search(value):
            raise ValueError("holds a control character")
        if not any(c.isprintable() and not c.isspace() for c in value):
            raise ValueError("is empty")
        if len(value) > limit:
            raise ValueError(f"has {len(value)} characters, at most {limit} are allowed")
        return value

    return read


def name(value: Any) -> str:
    """A name of a subsystem, an agent or an execution."""
    if reason := name_fault(value):
        raise ValueError(f"must be a name, found {kind(value)}, which {reason}")
    return str(value)


def time(value: Any) -> str:
    """ISO 8601 in UTC; without a zone the time is UTC already.

    >>> time("2025-11-30T14:02:11.5"), time("2025-11-30T14:02:11+02:00")
    ('2025-11-30T14:02:11.500000+00:00', '2025-11-30T12:02:11+00:00')
    """
    try:
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat()
    except (AttributeError, ValueError, OverflowError):
        raise _unfit("a time such as 2025-11-30T14:02:11", value) from None


def present(**values: Any) -> dict[str, Any]:
    """The given values that are not None."""
    return {key: value for key, value in values.items() if value is not None}


def kind(value: Any) -> str:
    """What a JSON value is, in words for a message."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f"the text {value if len(value) <= 40 else value[:37] + '...'!r}"
    if isinstance(value, Fault):
        return f"what {value.reason}"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return f"the number {value}"


def _unfit(wanted: str, value: Any) -> ValueError:
    return ValueError(f"must be {wanted}, found {kind(value)}")


flag = _instance(bool, "true or false")
mapping: Callable[[Any], dict[str, Any]] = _instance(dict, "an object")
