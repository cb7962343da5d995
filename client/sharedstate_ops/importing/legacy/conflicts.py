"""conflicts/active.json: open and resolved conflicts under their old numbers."""

from __future__ import annotations

from typing import Any

from sharedstate_ops.importing.legacy.fields import Fields
from sharedstate_ops.importing.legacy.files import Source
from sharedstate_ops.importing.reading import Place

# What every client can count with.
MAX_NUMBER = 2**53
UNRECORDED = "(the old files do not say how)"
LAYOUT = ("conflicts", "resolved", "next_conflict_id", "timestamp", "last_updated")


def read_conflicts(source: Source) -> None:
    """Adds every conflict, and the last number that was given to one."""
    folder = source.state / "conflicts"
    path = folder / "active.json"
    for other in source.children(folder):
        if other != path:
            source.pass_over(other)
    values = source.json_object(path)
    if values is None:
        return
    place = source.place(path)
    known: dict[int, Place] = {}
    # Resolved ones first: a number in both lists was resolved later than it was opened.
    for key, status in (("resolved", "resolved"), ("conflicts", "open")):
        found = values.get(key) or []
        if not isinstance(found, list):
            source.reading.problem(place.at(key), "must be a list of conflicts")
            continue
        for position, value in enumerate(found):
            if isinstance(value, dict):
                _add(source, known, Fields(value, place.at(key, position), source.reading), status)
            else:
                source.reading.problem(place.at(key, position), "must be an object")
    # Numbers are never given twice, not even those of conflicts that had to be left out.
    following = values.get("next_conflict_id", 1)
    if not _is_number(following):
        source.reading.problem(place.at("next_conflict_id"), "must be a whole number")
        following = 1
    source.reading.counters["last_conflict_id"] = max(*known, 0, following - 1)
    for key in sorted(values.keys() - set(LAYOUT)):
        source.reading.note(place.at(key), "is not part of the layout, not imported")


def _is_number(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_NUMBER


def _add(source: Source, known: dict[int, Place], fields: Fields, status: str) -> None:
    """The first to claim a number has it."""
    number = fields.take("id", "conflict_id")
    if _is_number(number) and number in known:
        source.reading.problem(fields.place, f"is conflict {number}, as is {known[number].pointer}")
        return
    if _is_number(number):
        known[number] = fields.place
    # Resolved when either the list or the conflict itself says so.
    if fields.rest.get("status") in ("open", "resolved") and fields.take("status") == "resolved":
        status = "resolved"
    severity = fields.take("severity")
    blocks = fields.take("blocks_agents", "blocks", default=[])
    entry = {
        "conflict_id": number,
        "severity": severity.strip().lower() if isinstance(severity, str) else severity,
        "priority": fields.take("priority", default=3),
        "source_agent": fields.take("source_agent", "source"),
        "target_agent": fields.take("target_agent", "target"),
        "description": fields.take("description"),
        "created_at": fields.time("timestamp", "created_at"),
        "execution_id": fields.take("execution_id"),
        "blocks_agents": [blocks] if isinstance(blocks, str) else blocks,
        "status": status,
    }
    if status == "resolved":
        # The table wants to know how and when; the conflict's own time is the nearest we have.
        entry |= {
            "resolution": fields.take("resolution", default=UNRECORDED),
            "resolved_by": fields.take("resolved_by"),
            "resolved_at": fields.time("resolved_at") or entry["created_at"],
        }
    fields.add("conflicts", {**entry, "details": fields.details()})
