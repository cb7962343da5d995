"""The members of one JSON object of the older layout. The database judges their values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sharedstate_ops.importing.reading import Place, Reading


class Fields:
    """The members of an object. Each that is taken is removed; `rest` is what nobody asked for.

    What cannot be read is a problem of the reading, and `add` adds nothing then: an entry comes in
    whole or not at all, so that a repaired file can be imported again.
    """

    def __init__(self, values: dict[str, Any], place: Place, reading: Reading) -> None:
        self.rest = {key: value for key, value in values.items() if value is not None}
        self.place = place
        self.reading = reading
        self.is_whole = True

    def take(self, *keys: str, default: Any = None) -> Any:
        """The value under the first of these keys that there is."""
        found = next((key for key in keys if key in self.rest), None)
        return default if found is None else self.rest.pop(found)

    def mapping(self, key: str) -> dict[str, Any]:
        """The object under a key, empty where there is none."""
        value = self.take(key, default={})
        if isinstance(value, dict):
            return value
        self.refuse(key, "must be an object")
        return {}

    def time(self, *keys: str) -> str | None:
        """The value under the first of these keys that there is, as a time in UTC."""
        for key in keys:
            if key in self.rest:
                try:
                    return utc(self.rest.pop(key))
                except ValueError as error:
                    self.refuse(key, str(error))
        return None

    def details(self) -> dict[str, Any]:
        """The object under `details`, and beside its members those that were not asked for."""
        details = dict(self.mapping("details"))
        for key, value in self.rest.items():
            if details.setdefault(key, value) != value:
                self.refuse(key, "stands in details with another value")
        return details

    def refuse(self, key: str, reason: str) -> None:
        """The entry is left out, because of this member."""
        self.is_whole = False
        self.reading.problem(self.place.at(key), reason)

    def add(self, section: str, entry: dict[str, Any]) -> None:
        """Keep the entry that was made of these for import, unless something was refused."""
        if self.is_whole:
            present = {key: value for key, value in entry.items() if value is not None}
            self.reading.add(section, present, self.place)


def utc(value: Any) -> str:
    """ISO 8601 in UTC; without a zone the time is UTC already. ValueError when it is no time.

    >>> utc("2025-11-30T14:02:11.5"), utc("2025-11-30T14:02:11+02:00")
    ('2025-11-30T14:02:11.500000+00:00', '2025-11-30T12:02:11+00:00')
    """
    try:
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat()
    except (AttributeError, ValueError, OverflowError):
        raise ValueError("must be a time such as 2025-11-30T14:02:11") from None
