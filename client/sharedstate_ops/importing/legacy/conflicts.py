"""conflicts/active.json: open and resolved conflicts under their old numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sharedstate_ops.importing.legacy import fields as read
from sharedstate_ops.importing.legacy.fields import Fields, kind, present
from sharedstate_ops.importing.legacy.files import Source
from sharedstate_ops.importing.reading import Entry

SEVERITIES = ("low", "medium", "high", "critical")
NEEDED = ("severity", "source_agent", "target_agent", "description")
TEXT_LIMIT = 10_000
# What every client can count with.
MAX_NUMBER = 2**53
UNRECORDED = "(the old files do not say how)"
LAYOUT = ("conflicts", "resolved", "next_conflict_id", "timestamp", "last_updated")


def read_conflicts(source: Source) -> None:
    """Adds every usable conflict, and the last number that was given to one."""
    folder = source.state / "conflicts"
    path = folder / "active.json"
    for other in source.children(folder):
        if other != path:
            source.pass_over(other)
    values = source.json_object(path)
    if values is None:
        return
    fields = Fields(values, source.place(path))
    by_number: dict[int, Entry] = {}
    # Resolved ones first: a number in both lists was resolved later than it was opened.
    for key, status in (("resolved", "resolved"), ("conflicts", "open")):
        for conflict in _listed(source, fields, key):
            _keep(source, by_number, conflict, status)
    following = fields.take(read.whole(low=1), "next_conflict_id") or 1
    source.reading.leave_out(fields.wrong)
    for _, entry in sorted(by_number.items()):
        if entry.value:
            source.reading.add(*entry)
    # Numbers are never given twice, not even those of conflicts that had to be left out.
    source.reading.counters["last_conflict_id"] = max(*by_number, 0, following - 1)
    for key in sorted(values.keys() - set(LAYOUT)):
        source.reading.note(fields.place.at(key), "is not part of the layout, not imported")


def _listed(source: Source, fields: Fields, key: str) -> Iterator[Fields]:
    """The conflicts in one of the two lists."""
    found = fields.values.pop(key, None)
    if found is not None and not isinstance(found, list):
        fields.refuse(key, f"must be a list of conflicts, found {kind(found)}")
        return
    for position, value in enumerate(found or ()):
        place = fields.place.at(key, position)
        if isinstance(value, dict):
            yield Fields(value, place)
        else:
            source.reading.problem(place, f"must be an object, found {kind(value)}")


def _keep(source: Source, by_number: dict[int, Entry], fields: Fields, listed: str) -> None:
    """All or nothing: in the database a conflict in part would stand in the way of the rest.

    The first to claim a number has it. Its entry is empty when it is left out: it may be repaired.
    """
    entry = _entry(fields, _status(source, fields, listed))
    fields.require(entry, conflict_id="number", **{key: key for key in NEEDED})
    source.reading.leave_out(fields.wrong, "the conflict is left out")
    number = entry.get("conflict_id")
    if number is not None and number not in by_number:
        by_number[number] = Entry({} if fields.wrong else entry, fields.place)
    elif number is not None and not fields.wrong:
        earlier = by_number[number].place.pointer
        source.reading.problem(fields.place, f"is conflict {number}, as is {earlier}")


def _status(source: Source, fields: Fields, listed: str) -> str:
    """Resolved when either the list or the conflict itself says so."""
    written = fields.values.get("status")
    if written in (None, "open", "resolved"):
        fields.values.pop("status", None)
        return "resolved" if written == "resolved" else listed
    # Kept among the details.
    source.reading.note(fields.place.at("status"), f"is {kind(written)}, taken as {listed}")
    return listed


def _entry(fields: Fields, status: str) -> dict[str, Any]:
    entry = present(
        conflict_id=fields.take(read.whole(1, MAX_NUMBER), "id", "conflict_id"),
        severity=fields.take(_severity, "severity"),
        priority=fields.take(read.whole(1, 4), "priority") or 3,
        source_agent=fields.take(read.name, "source_agent", "source"),
        target_agent=fields.take(read.name, "target_agent", "target"),
        description=fields.take(read.text(TEXT_LIMIT), "description"),
        created_at=fields.take(read.time, "timestamp", "created_at"),
        execution_id=fields.take(read.name, "execution_id"),
        blocks_agents=fields.take(_names, "blocks_agents", "blocks") or [],
        status=status,
    )
    resolution = present(
        resolution=fields.take(read.text(TEXT_LIMIT), "resolution"),
        resolved_by=fields.take(read.name, "resolved_by"),
        resolved_at=fields.take(read.time, "resolved_at"),
    )
    if status == "resolved":
        # The table wants to know how and when; the conflict's own time is the nearest we have.
        when = present(resolved_at=entry.get("created_at"))
        entry |= {"resolution": UNRECORDED, **when, **resolution}
    else:
        fields.values |= resolution
    return {**entry, "details": fields.details()}


def _severity(value: Any) -> str:
    written = read.text(40)(value).strip().lower()
    if written not in SEVERITIES:
        raise ValueError(f"must be one of {', '.join(SEVERITIES)}, found {kind(value)}")
    return written


def _names(value: Any) -> list[str]:
    """A list of agents, or one agent."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list):
        raise ValueError(f"must be a list of names, found {kind(value)}")
    return list(dict.fromkeys(read.name(each) for each in names))
