"""What reading a source yields, an export or files: entries to import, problems, notes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sharedstate_ops.importing.document import FORMAT, SECTIONS


class SourceError(Exception):
    """There is nothing to import here; the message says what was looked for."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was left out. `line` counts from 1; None where a file has no lines."""

    file: str
    line: int | None
    reason: str
    section: str = ""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth knowing although nothing was lost."""

    file: str
    text: str


class Entry(NamedTuple):
    """One row to import and where it was read."""

    section: str
    value: dict[str, Any]
    file: str
    line: int


def section_of(file: str) -> str:
    """The section to which a file of the old layout belongs, "" when to none."""
    found = (section for pattern, section in _SECTION_OF_FILE if re.search(pattern, file))
    return next(found, "")


_SECTION_OF_FILE = (
    (r"(^|/)(constraints|config)(/|$)", "global_constraints"),
    (r"(^|/)conflicts(/|$)", "conflicts"),
    (r"(^|/)logs(/|$)", "agent_activity_logs"),
    (r"(^|/)requirements[.]json$", "subsystem_requirements"),
    (r"(^|/)interfaces[.]json$", "subsystem_interfaces"),
    (r"design[^/]*[.]json$", "subsystem_designs"),
    (r"(^|/)subsystems(/|$)", "subsystems"),
)


@dataclass(slots=True)
class Reading:
    """All that was found in a source. Times are UTC, ISO 8601 with a zone."""

    entries: list[Entry] = field(default_factory=list)
    counters: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    files: int = 0

    def add(self, section: str, value: dict[str, Any], file: str, line: int = 1) -> None:
        """Keep a row for import."""
        self.entries.append(Entry(section, value, file, line))

    def problem(self, file: str, line: int | None, reason: str, section: str = "") -> None:
        """Report something that is left out. The section follows from the file, if not given."""
        self.problems.append(Problem(file, line, reason, section or section_of(file)))

    def note(self, file: str, text: str) -> None:
        """Report a decision that lost nothing."""
        self.notes.append(Note(file, text))

    def section(self, name: str) -> Iterator[Entry]:
        """The entries of one section in the order in which they were found."""
        return (entry for entry in self.entries if entry.section == name)

    def document(self) -> dict[str, Any]:
        """The exchange document `sharedstate/1`."""
        found: dict[str, list[Any]] = {name: [] for name in SECTIONS}
        for entry in self.entries:
            found[entry.section].append(entry.value)
        return {"format": FORMAT, **found, "counters": self.counters}


def not_utf8(data: bytes, error: UnicodeDecodeError) -> str:
    """In words, why bytes are no UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "is UTF-16; save it as UTF-8"
    return f"is not UTF-8 (byte 0x{data[error.start]:02x})"
