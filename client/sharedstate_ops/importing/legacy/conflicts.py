"""conflicts/active.json: open and resolved conflicts under their old numbers."""

from __future__ import annotations

from typing import Any

from sharedstate_ops.importing.legacy.fields import Fields, kind, name_fault, present
from sharedstate_ops.importing.legacy.files import Source
from sharedstate_ops.importing.reading import Reading
from sharedstate_ops.importing.strict_json import Node

SEVERITIES = ("low", "medium", "high", "critical")
TEXT_LIMIT = 10_000
# What every client can count with.
MAX_NUMBER = 2**53
UNRECORDED = "(the old files do not say how)"
_RESOLUTION = ("resolution", "resolved_by", "resolved_at")


def read_conflicts(source: Source) -> None:
    """Adds every usable conflict, and the last number that was given to one."""
    folder = source.layout.state / "conflicts"
    path = folder / "active.json"
    for other in source.children(folder):
        if other != path:
            source.reading.note(source.label(other), "is not part of the layout, not imported")
    parsed = source.json_object(path)
    if parsed is None:
        return
    fields = Fields(source.reading, source.label(path), {}, {}, parsed.root.line)
    by_number: dict[int, tuple[dict[str, Any] | None, int]] = {}
    # Resolved ones first: a number in both lists was resolved later than it was opened.
    for key, status in (("resolved", "resolved"), ("conflicts", "open")):
        for position, node in enumerate(_list(fields, parsed.root, key)):
            entry, number = _conflict(fields, node, f"{key}[{position}].", status)
            if number is not None:
                _keep(fields, by_number, number, entry, node.line)
    for _, (entry, line) in sorted(by_number.items()):
        if entry is not None:
            source.reading.add("conflicts", entry, fields.file, line)
    following = _next_number(fields, parsed.root)
    # Numbers are never given twice, not even those of conflicts that had to be left out.
    source.reading.counters["last_conflict_id"] = max(*by_number, 0, following - 1)
    for key in parsed.root.value:
        if key not in ("conflicts", "resolved", "next_conflict_id", "timestamp", "last_updated"):
            source.reading.note(fields.file, f"the key {key!r} is not part of the layout")


def _keep(
    fields: Fields,
    by_number: dict[int, tuple[dict[str, Any] | None, int]],
    number: int,
    entry: dict[str, Any] | None,
    line: int,
) -> None:
    """The first to claim a number has it, even if it had to be left out: it may be repaired."""
    if number not in by_number:
        by_number[number] = (entry, line)
    elif entry is not None:
        reason = f"conflict {number} stands already on line {by_number[number][1]}; left out"
        fields.reading.problem(fields.file, line, reason)


def _list(fields: Fields, root: Node, key: str) -> list[Node]:
    node = root.value.get(key)
    if node is None or node.value is None:
        return []
    if not isinstance(node.value, list):
        reason = f"{key}: must be a list of conflicts; left out"
        fields.reading.problem(fields.file, node.line, reason)
        return []
    return list(node.value)


def _next_number(fields: Fields, root: Node) -> int:
    members = Fields.of(
        fields.reading,
        fields.file,
        Node({k: v for k, v in root.value.items() if k == "next_conflict_id"}, root.line),
    )
    return members.integer("next_conflict_id", low=1) or 1


def _conflict(
    outer: Fields, node: Node, prefix: str, listed: str
) -> tuple[dict[str, Any] | None, int | None]:
    """The entry, None after reporting; and the number that it claims.

    All or nothing: in the database a conflict in part would stand in the way of the repaired one.
    """
    if not isinstance(node.value, dict):
        reason = f"{prefix[:-1]}: must be an object; left out"
        outer.reading.problem(outer.file, node.line, reason)
        return None, None
    trial = Reading()
    fields = Fields.of(trial, outer.file, node, prefix)
    number = fields.integer("id", low=1, high=MAX_NUMBER)
    if number is None:
        number = fields.integer("conflict_id", low=1, high=MAX_NUMBER)
    entry = _entry(fields, number, listed)
    missing = [_NEEDED[key] for key in _NEEDED if key not in entry]
    if missing and not trial.problems:
        trial.problem(outer.file, node.line, f"{prefix[:-1]} has no {' and no '.join(missing)}")
    for problem in trial.problems:
        reason = f"{problem.reason.removesuffix('; left out')}; the conflict is left out"
        outer.reading.problem(outer.file, problem.line, reason)
    outer.reading.notes += trial.notes
    return None if trial.problems else entry, number


_NEEDED = {
    "conflict_id": "number",
    "severity": "severity",
    "source_agent": "source_agent",
    "target_agent": "target_agent",
    "description": "description",
}


def _entry(fields: Fields, number: int | None, listed: str) -> dict[str, Any]:
    entry = present(
        conflict_id=number,
        severity=_severity(fields),
        priority=fields.integer("priority", low=1, high=4) or 3,
        source_agent=fields.name("source_agent", "source"),
        target_agent=fields.name("target_agent", "target"),
        description=fields.text("description", TEXT_LIMIT),
        created_at=fields.time("timestamp", "created_at"),
        execution_id=fields.name("execution_id"),
        status=_status(fields, listed),
        resolution=fields.text("resolution", TEXT_LIMIT),
        resolved_by=fields.name("resolved_by"),
        resolved_at=fields.time("resolved_at"),
    )
    entry["blocks_agents"] = _blocks(fields)
    if entry["status"] == "resolved":
        # The table wants to know how and when; the conflict's own time is the nearest we have.
        entry.setdefault("resolution", UNRECORDED)
        if "created_at" in entry:
            entry.setdefault("resolved_at", entry["created_at"])
    else:
        fields.values |= {key: entry.pop(key) for key in _RESOLUTION if key in entry}
    details = fields.mapping("details") or {}
    for key, value in fields.rest().items():
        if details.setdefault(key, value) != value:
            fields.refuse(key, "stands in details with another value")
    entry["details"] = details
    return entry


def _severity(fields: Fields) -> str | None:
    written = fields.text("severity", 40)
    if written is None:
        return None
    if written.strip().lower() in SEVERITIES:
        return written.strip().lower()
    fields.refuse("severity", f"must be one of {', '.join(SEVERITIES)}, found {kind(written)}")
    return None


def _status(fields: Fields, listed: str) -> str:
    """Resolved when either the list or the conflict itself says so."""
    written = fields.values.pop("status", None)
    if written in (None, "open", "resolved"):
        return "resolved" if written == "resolved" else listed
    fields.values["status"] = written  # kept among the details
    fields.reading.note(fields.file, f"{fields.prefix}status: {kind(written)} is taken as {listed}")
    return listed


def _blocks(fields: Fields) -> list[str]:
    key = "blocks_agents" if fields.values.get("blocks_agents") is not None else "blocks"
    value = fields.values.pop(key, None)
    if value is None:
        return []
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list):
        fields.refuse(key, f"must be a list of names, found {kind(value)}")
        return []
    found: list[str] = []
    for name in names:
        wrong = name_fault(name) if isinstance(name, str) else f"{kind(name)} is no name"
        if wrong:
            fields.refuse(key, wrong)
        elif name not in found:
            found.append(name)
    return found
