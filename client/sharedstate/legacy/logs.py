"""logs/*.jsonl: every line under its own time, with a key by which it is imported only once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from sharedstate.legacy.fields import Fields, present, utc
from sharedstate.legacy.files import Source, not_utf8
from sharedstate.legacy.strict_json import JsonError, decode_quickly, parse

# Fixed for ever: another namespace would import every line a second time.
NAMESPACE = UUID("6f0f6d3e-7a4c-5b0e-9a6c-3f1c1d2b8e55")

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def read_logs(source: Source, progress: Callable[[int], None] | None = None) -> None:
    """Adds every usable line; `progress` hears how many bytes were read since the last call."""
    for path in source.children(source.layout.state / "logs"):
        if path.suffix == ".jsonl":
            _Log(source, path).read(progress)
        else:
            source.reading.note(source.label(path), "is not part of the layout, not imported")


class _Log:
    def __init__(self, source: Source, path: Path) -> None:
        self.source = source
        self.reading = source.reading
        self.path = path
        self.label = source.label(path)
        self.seen: Counter[str] = Counter()
        # A line without a time happened after the line above it, at the earliest that day.
        day = _DAY.match(path.name)
        self.last_time = _day(day.group()) if day else None

    def read(self, progress: Callable[[int], None] | None) -> None:
        for number, raw in self.source.lines(self.path):
            self._line(number, raw)
            if progress:
                progress(len(raw) + 1)

    def _line(self, number: int, raw: bytes) -> None:
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            self.reading.problem(self.label, number, f"{not_utf8(raw, error)}; left out")
            return
        self.seen[text] += 1
        fields = self._fields(number, text)
        entry = self._entry(fields) if fields else None
        if entry is not None:
            key = f"{self.path.name}\n{text}\n{self.seen[text]}"
            entry["import_key"] = str(uuid5(NAMESPACE, key))
            self.reading.add("agent_activity_logs", entry, self.label, number)

    def _fields(self, number: int, text: str) -> Fields | None:
        values = _quickly(text)
        if values is not None:
            return Fields(self.reading, self.label, values, {}, number)
        try:
            parsed = parse(text)
        except JsonError as error:
            self.reading.problem(self.label, number, f"{error.reason}; left out")
            return None
        for _, reason in parsed.hidden:
            once = re.sub(r"stands here and again on line \d+", "stands here twice", reason)
            self.reading.problem(self.label, number, once)
        if not isinstance(parsed.root.value, dict):
            self.reading.problem(self.label, number, "must be a JSON object; left out")
            return None
        _set_lines(parsed.root, number)
        return Fields.of(self.reading, self.label, parsed.root)

    def _entry(self, fields: Fields) -> dict[str, Any] | None:
        agent = fields.name("agent", "agent_name")
        activity = fields.text("activity", 200, one_line=True)
        missing = [n for n, v in (("agent", agent), ("activity", activity)) if v is None]
        if missing:
            reason = f"has no usable {' and '.join(missing)}; the line is left out"
            self.reading.problem(self.label, fields.line, reason)
            return None
        self.last_time = fields.time("timestamp") or self.last_time
        details = fields.mapping("details") or {}
        execution_id = fields.name("execution_id")
        for key, value in fields.rest().items():
            if details.setdefault(key, value) != value:
                fields.refuse(key, "stands in details with another value")
        return present(
            agent_name=agent,
            activity=activity,
            details=details,
            execution_id=execution_id,
            timestamp=self.last_time,
        )


def _day(text: str) -> str | None:
    try:
        return utc(text)
    except ValueError:
        return None


def _quickly(text: str) -> dict[str, Any] | None:
    """The object of an ordinary line; None where only the slow reader can say what is wrong."""
    quick = decode_quickly(text)
    if quick is None or quick[1] != len(text) or not isinstance(quick[0], dict):
        return None
    return quick[0]


def _set_lines(node: Any, number: int) -> None:
    """Lines of a value that was parsed by itself: all of them are the line of the log."""
    node.line = number
    children = node.value.values() if isinstance(node.value, dict) else node.value
    for child in children if isinstance(node.value, (dict, list)) else ():
        _set_lines(child, number)
