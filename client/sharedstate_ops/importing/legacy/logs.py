"""logs/*.jsonl: every line under its own time, with a key by which it is imported only once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from sharedstate_ops.importing.legacy.fields import Fields, present, utc
from sharedstate_ops.importing.legacy.files import Source
from sharedstate_ops.importing.reading import Reading, not_utf8
from sharedstate_ops.importing.strict_json import JsonError, decode_quickly, parse

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
        """A line is all or nothing: its key is its text, so a repaired one would come in again."""
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            self._left_out(number, not_utf8(raw, error))
            return
        self.seen[text] += 1
        trial = Reading()
        fields = self._fields(trial, number, text)
        entry = self._entry(fields) if fields else None
        for problem in trial.problems:
            self._left_out(number, problem.reason.removesuffix("; left out"))
        if entry is not None and not trial.problems:
            key = f"{self.path.name}\n{text}\n{self.seen[text]}"
            entry["import_key"] = str(uuid5(NAMESPACE, key))
            self.reading.add("agent_activity_logs", entry, self.label, number)

    def _left_out(self, number: int, reason: str) -> None:
        self.reading.problem(self.label, number, f"{reason}; the line is left out")

    def _fields(self, trial: Reading, number: int, text: str) -> Fields | None:
        values = _quickly(text)
        if values is not None:
            return Fields(trial, self.label, values, {}, number)
        try:
            parsed = parse(text)
        except JsonError as error:
            trial.problem(self.label, number, error.reason)
            return None
        if parsed.hidden:
            trial.problem(self.label, number, "a key stands twice in it")
        if not isinstance(parsed.root.value, dict):
            trial.problem(self.label, number, "must be a JSON object")
            return None
        return Fields.of(trial, self.label, parsed.root)

    def _entry(self, fields: Fields) -> dict[str, Any] | None:
        agent = fields.name("agent", "agent_name")
        activity = fields.text("activity", 200, one_line=True)
        missing = [n for n, v in (("agent", agent), ("activity", activity)) if v is None]
        if missing:
            reason = f"has no usable {' and '.join(missing)}"
            fields.reading.problem(self.label, fields.line, reason)
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
