"""Sending entries in parts, and finding the one entry for which a part was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sharedstate.errors import (
    InvalidArgument,
    PayloadTooLarge,
    SharedStateError,
    StatementTimeout,
    UnexpectedError,
)
from sharedstate_ops.importing.document import FORMAT, MAX_PART_ENTRIES, SECTIONS, ImportCount
from sharedstate_ops.importing.reading import Entry, Reading
from sharedstate_ops.importing.strict_json import encode

# Well below the 10 MB and the 8 s that the service allows a request, also on a slow machine.
MAX_PART_BYTES = 4 * 1024 * 1024
MAX_ENTRY_BYTES = 8 * 1024 * 1024

Send = Callable[[str], Sequence[ImportCount]]
Progress = Callable[[int], None]
Part = list[tuple[Entry, str]]

# What an entry can be at fault for; all else (no connection, a wrong key) ends the import.
_REFUSALS = (InvalidArgument, PayloadTooLarge, StatementTimeout, UnexpectedError)


@dataclass(slots=True)
class Outcome:
    """How many entries of each section went where, and which ones the database kept its own of."""

    imported: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)
    refused: list[Entry] = field(default_factory=list)

    def add(self, counts: Sequence[ImportCount]) -> None:
        """Add the answer to one part."""
        for row in counts:
            section = row["section"]
            self.imported[section] = self.imported.get(section, 0) + row["imported"]
            self.unchanged[section] = self.unchanged.get(section, 0) + row["unchanged"]


def upload(reading: Reading, send: Send, progress: Progress) -> Outcome:
    """Import everything that was read.

    Each part is a transaction of its own. An entry that the database cannot take becomes a problem
    of the reading and the others are imported. `progress` hears how many entries are done.
    """
    outcome = Outcome()
    for part in parts(reading):
        _send_part(part, reading, send, outcome)
        progress(len(part))
    if reading.counters:
        outcome.add(send(f'{{"format":"{FORMAT}","counters":{encode(reading.counters)}}}'))
    return outcome


def parts(reading: Reading) -> Iterator[Part]:
    """The entries in order of their sections, in parts that are small enough for one request."""
    part: Part = []
    size = 0
    unnumbered: set[tuple[str, str]] = set()
    for entry in sorted(reading.entries, key=lambda entry: SECTIONS.index(entry.section)):
        text = encode(entry.value)
        length = len(text.encode())
        if length > MAX_ENTRY_BYTES:
            reason = f"has {length / 1024**2:.1f} MB, at most 8 MB can be imported; left out"
            reading.problem(entry.file, entry.line, reason, entry.section)
            continue
        document = _document_without_version(entry)
        full = size + length > MAX_PART_BYTES or len(part) >= MAX_PART_ENTRIES
        # Versions are given in the order of arrival; within one request there is no order.
        if part and (full or document in unnumbered):
            yield part
            part, size = [], 0
            unnumbered.clear()
        if document is not None:
            unnumbered.add(document)
        part.append((entry, text))
        size += length
    if part:
        yield part


def _document_without_version(entry: Entry) -> tuple[str, str] | None:
    if "subsystem_name" not in entry.value or "version" in entry.value:
        return None
    return entry.section, str(entry.value["subsystem_name"])


def _send_part(part: Part, reading: Reading, send: Send, outcome: Outcome) -> None:
    try:
        counts = send(_document(part))
    except _REFUSALS as error:
        if len(part) == 1:
            entry = part[0][0]
            reason = f"the database refused it: {_why(error)}; left out"
            reading.problem(entry.file, entry.line, reason, entry.section)
            return
        middle = len(part) // 2
        _send_part(part[:middle], reading, send, outcome)
        _send_part(part[middle:], reading, send, outcome)
        return
    outcome.add(counts)
    for row in counts:
        if row["refused"]:
            candidates = [pair for pair in part if pair[0].section == row["section"]]
            outcome.refused += _refused(candidates, row["refused"], send)


def _refused(part: Part, count: int, send: Send) -> list[Entry]:
    """Which entries were refused. Asking again changes nothing: an import can be repeated."""
    if count == 0:
        return []
    if count == len(part):
        return [entry for entry, _ in part]
    middle = len(part) // 2
    first = sum(row["refused"] for row in send(_document(part[:middle])))
    return _refused(part[:middle], first, send) + _refused(part[middle:], count - first, send)


def _document(part: Part) -> str:
    members = [f'"format":"{FORMAT}"']
    for section in SECTIONS:
        texts = [text for entry, text in part if entry.section == section]
        if texts:
            members.append(f'"{section}":[{",".join(texts)}]')
    return "{" + ",".join(members) + "}"


def _why(error: SharedStateError) -> str:
    reason = error.detail.get("reason")
    argument = error.detail.get("argument")
    if not reason:
        return error.message
    return f"{argument} {reason}" if argument and argument != "document" else str(reason)
