"""Sending entries in parts, and finding the one entry for which a part was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby

from sharedstate.errors import InvalidArgument, SharedStateError, StatementTimeout, UnexpectedError
from sharedstate_ops.importing.exact_json import encode
from sharedstate_ops.importing.export_file import FORMAT, SECTIONS, ImportCount
from sharedstate_ops.importing.reading import Entry, Reading

MAX_PART_ENTRIES = 2_000
# Well below what one value of Postgres holds, and quickly done.
MAX_PART_CHARACTERS = 4 * 1024 * 1024

Send = Callable[[str], Sequence[ImportCount]]
Part = list[tuple[Entry, str]]

# What an entry can be at fault for; all else (no connection, a wrong key) ends the import.
_REFUSALS = (InvalidArgument, StatementTimeout, UnexpectedError)


@dataclass(slots=True)
class Outcome:
    """How many entries of each section went where, and which ones the database kept its own of."""

    imported: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    refused: list[Entry] = field(default_factory=list)

    def add(self, counts: Sequence[ImportCount]) -> None:
        """Add the answer to one part."""
        for row in counts:
            self.imported[row["section"]] += row["imported"]
            self.unchanged[row["section"]] += row["unchanged"]


def upload(reading: Reading, send: Send, progress: Callable[[int], None]) -> Outcome:
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
    """The entries in order of their sections, in parts of a size at which an import goes on."""
    part: Part = []
    size = 0
    for entry in chain.from_iterable(map(reading.section, SECTIONS)):
        text = encode(entry.value)
        if part and (size + len(text) > MAX_PART_CHARACTERS or len(part) >= MAX_PART_ENTRIES):
            yield part
            part, size = [], 0
        part.append((entry, text))
        size += len(text)
    if part:
        yield part


def _send_part(part: Part, reading: Reading, send: Send, outcome: Outcome) -> None:
    try:
        counts = send(_document(part))
    except _REFUSALS as error:
        if len(part) == 1:
            reading.problem(part[0][0].place, f"the database refused it: {_why(error)}")
            return
        for half in _halves(part):
            _send_part(half, reading, send, outcome)
        return
    outcome.add(counts)
    for row in counts:
        candidates = [pair for pair in part if pair[0].section == row["section"]]
        outcome.refused += _refused(candidates, row["refused"], send)


def _refused(part: Part, count: int, send: Send) -> list[Entry]:
    """Which entries were refused. Asking again changes nothing: an import can be repeated."""
    if count == 0:
        return []
    if count == len(part):
        return [entry for entry, _ in part]
    first, second = _halves(part)
    refused = sum(row["refused"] for row in send(_document(first)))
    return _refused(first, refused, send) + _refused(second, count - refused, send)


def _halves(part: Part) -> tuple[Part, Part]:
    middle = len(part) // 2
    return part[:middle], part[middle:]


def _document(part: Part) -> str:
    sections = groupby(part, lambda pair: pair[0].section)
    members = (f',"{name}":[{",".join(text for _, text in pairs)}]' for name, pairs in sections)
    return f'{{"format":"{FORMAT}"{"".join(members)}}}'


def _why(error: SharedStateError) -> str:
    reason = error.detail.get("reason")
    argument = error.detail.get("argument")
    if not reason:
        return error.message
    return f"{argument} {reason}" if argument and argument != "document" else str(reason)
