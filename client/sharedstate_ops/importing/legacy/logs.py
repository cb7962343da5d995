"""logs/*.jsonl: every line under its own time, with a key by which it is imported only once."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from sharedstate_ops.importing.exact_json import JsonError, parse
from sharedstate_ops.importing.legacy.fields import Fields, name, present, text, time
from sharedstate_ops.importing.legacy.files import Source

# Fixed for ever: another namespace would import every line a second time.
NAMESPACE = UUID("6f0f6d3e-7a4c-5b0e-9a6c-3f1c1d2b8e55")

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def read_logs(source: Source) -> None:
    """Adds every usable line."""
    for path in source.children(source.state / "logs"):
        if path.suffix == ".jsonl":
            _read_log(source, path)
        else:
            source.pass_over(path)


def _read_log(source: Source, path: Path) -> None:
    """A line is all or nothing: its key is its text, so a repaired one would come in again."""
    data = source.read(path) or b""
    seen: Counter[str] = Counter()
    last_time = _day_of(path)
    whole = source.place(path)
    for number, raw in enumerate(data.split(b"\n"), 1):
        line = raw.strip(b" \t\r\n")
        place = replace(whole, line=number)
        if not line:
            continue
        try:
            values = parse(line)
            if not isinstance(values, dict):
                raise JsonError(1, "must be a JSON object")
        except JsonError as error:
            source.reading.problem(place, error.reason, "the line is left out")
            continue
        fields = Fields(values, place)
        entry = _entry(fields, last_time)
        last_time = entry.get("timestamp")
        written = line.decode("utf-8-sig")
        seen[written] += 1
        entry["import_key"] = str(uuid5(NAMESPACE, f"{path.name}\n{written}\n{seen[written]}"))
        source.reading.leave_out(fields.wrong, "the line is left out")
        if not fields.wrong:
            source.reading.add(entry, place)


def _entry(fields: Fields, last_time: str | None) -> dict[str, Any]:
    entry = present(
        agent_name=fields.take(name, "agent", "agent_name"),
        activity=fields.take(text(200, one_line=True), "activity"),
        timestamp=fields.take(time, "timestamp") or last_time,
        execution_id=fields.take(name, "execution_id"),
    )
    fields.require(entry, agent_name="agent", activity="activity")
    return {**entry, "details": fields.details()}


def _day_of(path: Path) -> str | None:
    """A line without a time happened after the line above it, at the earliest that day."""
    try:
        return time(path.name[:10]) if _DAY.match(path.name) else None
    except ValueError:
        return None
