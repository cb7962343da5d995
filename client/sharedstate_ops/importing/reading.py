"""What reading a source yields, an export or files: entries to import, problems, notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from sharedstate_ops.printable import printable


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: in a line of a file, counted from 1, or at a JSON pointer in it."""

    file: str
    line: int | None = None
    pointer: str = ""

    def at(self, *keys: str | int) -> Place:
        """The place of a member or item below this one."""
        steps = (printable(str(key).replace("~", "~0").replace("/", "~1")) for key in keys)
        return replace(self, pointer="/".join([self.pointer, *steps]))

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.pointer}" if self.pointer else where


class Finding(NamedTuple):
    """What there is to say of a place: why something was left out, or what is worth knowing."""

    place: Place
    reason: str

    def __str__(self) -> str:
        return f"{self.place}{' ' if self.place.pointer else ': '}{self.reason}"


class Entry(NamedTuple):
    """One row to import, the list of the exchange document to which it belongs, and its place."""

    section: str
    value: dict[str, Any]
    place: Place

    def __str__(self) -> str:
        value = self.value
        name = value.get("name") or value.get("subsystem_name") or value.get("conflict_id") or ""
        version = f" version {value['version']}" if "version" in value else ""
        return f"{self.section} {name}{version} ({self.place})".replace("  ", " ")


@dataclass(slots=True)
class Reading:
    """All that was found in a source. Times are UTC, ISO 8601 with a zone."""

    entries: list[Entry] = field(default_factory=list)
    counters: dict[str, Any] = field(default_factory=dict)
    problems: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    def add(self, section: str, value: dict[str, Any], place: Place) -> None:
        """Keep a row for import."""
        self.entries.append(Entry(section, value, place))

    def problem(self, place: Place, reason: str) -> None:
        """Report what is left out."""
        self.problems.append(Finding(place, f"{reason}; left out"))

    def note(self, place: Place, text: str) -> None:
        """Report a decision that lost nothing."""
        self.notes.append(Finding(place, text))

    def section(self, name: str) -> Iterator[Entry]:
        """The entries of one section in the order in which they were found."""
        return (entry for entry in self.entries if entry.section == name)
