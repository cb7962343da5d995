"""What reading a source yields, an export or files: entries to import, problems, notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from sharedstate_ops.importing.exact_json import below, faults


class SourceError(Exception):
    """There is nothing to import here; the message says what was looked for."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: in a line of a file, counted from 1, or at a JSON pointer in it.

    `section` is where it belongs in an exchange document, "" when nowhere.
    """

    file: str
    section: str = ""
    line: int | None = None
    pointer: str = ""

    def at(self, *keys: str | int) -> Place:
        """The place of a member or item below this one."""
        pointer = self.pointer
        for key in keys:
            pointer = below(pointer, key)
        return replace(self, pointer=pointer)

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
    """One row to import and where it was read."""

    value: dict[str, Any]
    place: Place

    @property
    def section(self) -> str:
        """The list of the exchange document to which it belongs."""
        return self.place.section


@dataclass(slots=True)
class Reading:
    """All that was found in a source. Times are UTC, ISO 8601 with a zone."""

    entries: list[Entry] = field(default_factory=list)
    counters: dict[str, Any] = field(default_factory=dict)
    problems: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    def add(self, value: dict[str, Any], place: Place) -> None:
        """Keep a row for import, in the section of its place."""
        self.entries.append(Entry(value, place))

    def leave_out(self, problems: Iterable[Finding], what: str = "left out") -> None:
        """Report what is wrong, and `what` is not imported because of it."""
        self.problems += [Finding(place, f"{reason}; {what}") for place, reason in problems]

    def problem(self, place: Place, reason: str, what: str = "left out") -> None:
        """Report one thing that is left out."""
        self.leave_out([Finding(place, reason)], what)

    def note(self, place: Place, text: str) -> None:
        """Report a decision that lost nothing."""
        self.notes.append(Finding(place, text))

    def section(self, name: str) -> Iterator[Entry]:
        """The entries of one section in the order in which they were found."""
        return (entry for entry in self.entries if entry.section == name)


def faults_in(value: Any, place: Place) -> list[Finding]:
    """Everything in a parsed value that cannot be stored."""
    found = faults(value, place.pointer)
    return [Finding(replace(place, pointer=pointer), reason) for pointer, reason in found]
