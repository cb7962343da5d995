"""logs/*.jsonl: every line under its own time, with a key by which it is imported only once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid5

from sharedstate_ops.importing.exact_json import JsonError, parse
from sharedstate_ops.importing.legacy.fields import Fields, utc
from sharedstate_ops.importing.legacy.files import Source

# Fixed for ever: another namespace would import every line a second time.
NAMESPACE = UUID("6f0f6d3e-7a4c-5b0e-9a6c-3f1c1d2b8e55")


def read_logs(source: Source) -> None:
    """Adds every usable line."""
    for path in source.children(source.state / "logs"):
        if path.suffix == ".jsonl":
            _read_log(source, path)
        else:
            source.pass_over(path)


def _read_log(source: Source, path: Path) -> None:
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
                raise JsonError("must be a JSON object")
        except JsonError as error:
            source.reading.problem(place, error.reason)
            continue
        fields = Fields(values, place, source.reading)
        last_time = fields.time("timestamp") or last_time
        written = line.decode("utf-8-sig")
        seen[written] += 1
        entry = {
            "agent_name": fields.take("agent", "agent_name"),
            "activity": fields.take("activity"),
            "timestamp": last_time,
            "execution_id": fields.take("execution_id"),
            "import_key": str(uuid5(NAMESPACE, f"{path.name}\n{written}\n{seen[written]}")),
        }
        fields.add("agent_activity_logs", {**entry, "details": fields.details()})


def _day_of(path: Path) -> str | None:
    """A line without a time happened after the line above it, at the earliest that day."""
    try:
        return utc(path.name[:10])
    except ValueError:
        return None
