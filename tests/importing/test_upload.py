"""Sending in parts: small enough, in order, and without losing the good for the bad."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharedstate import errors
from sharedstate_ops.importing.export_file import ImportCount
from sharedstate_ops.importing.reading import Place, Reading
from sharedstate_ops.importing.upload import (
    MAX_PART_CHARACTERS,
    MAX_PART_ENTRIES,
    parts,
    upload,
)


class Database:
    """Takes every entry whose mark is neither bad nor kept, once."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.requests = 0

    def send(self, text: str) -> Sequence[ImportCount]:
        self.requests += 1
        document: dict[str, Any] = json.loads(text)
        assert document.pop("format") == "sharedstate/1"
        rows = [(name, row) for name, rows in document.items() for row in rows]
        if any("bad" in row["mark"] for _, row in rows):
            raise errors.InvalidArgument(detail={"argument": "document", "reason": "is odd"})
        answer = []
        for section in document:
            marks = [row["mark"] for name, row in rows if name == section]
            kept = sum("kept" in mark for mark in marks)
            new = [mark for mark in marks if "kept" not in mark and mark not in self.taken]
            self.taken += new
            answer.append(
                ImportCount(
                    section=section,
                    imported=len(new),
                    unchanged=len(marks) - kept - len(new),
                    refused=kept,
                )
            )
        return answer


def reading_of(marks: list[str], section: str = "subsystems") -> Reading:
    reading = Reading()
    for number, mark in enumerate(marks, 1):
        reading.add(section, {"mark": f"{number} {mark}"}, Place("x.jsonl", number))
    return reading


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["good", "good", "good", "bad", "kept"]), max_size=40))
def test_every_good_entry_goes_in_and_every_other_one_is_named(marks: list[str]) -> None:
    reading, database = reading_of(marks), Database()
    done: list[int] = []
    outcome = upload(reading, database.send, done.append)
    lines = {kind: {n for n, m in enumerate(marks, 1) if m == kind} for kind in ("bad", "kept")}
    assert len(database.taken) == marks.count("good")
    assert sum(outcome.imported.values()) == marks.count("good")
    assert {problem.place.line for problem in reading.problems} == lines["bad"]
    assert {entry.place.line for entry in outcome.refused} == lines["kept"]
    assert sum(done) == len(marks)


def test_one_bad_entry_among_thousands_is_found_in_a_few_requests() -> None:
    marks = ["good"] * 10_000
    marks[7_777] = "bad"
    reading, database = reading_of(marks, "agent_activity_logs"), Database()
    upload(reading, database.send, lambda _: None)
    assert [str(problem) for problem in reading.problems] == [
        "x.jsonl:7778: the database refused it: is odd; left out"
    ]
    assert len(database.taken) == 9_999
    assert database.requests < 40


def test_parts_stay_below_the_limits_and_keep_the_order() -> None:
    reading = Reading()
    for number in range(5_000):
        reading.add("agent_activity_logs", {"n": number}, Place("x.jsonl", number))
    for number in range(9):
        reading.add("subsystems", {"n": number, "pad": "x" * 1_000_000}, Place("y.json"))
    found = list(parts(reading))
    for part in found:
        assert len(part) <= MAX_PART_ENTRIES
        assert sum(len(text) for _, text in part) <= MAX_PART_CHARACTERS
    sent = [entry for part in found for entry, _ in part]
    assert [entry.section for entry in sent[:9]] == ["subsystems"] * 9
    assert [entry.value["n"] for entry in sent[9:]] == list(range(5_000))


def test_a_lost_connection_ends_the_import() -> None:
    def send(_: str) -> Sequence[ImportCount]:
        raise errors.ServiceUnavailable("gone")

    reading = reading_of(["good", "good"])
    with pytest.raises(errors.ServiceUnavailable):
        upload(reading, send, lambda _: None)
    assert reading.problems == []
