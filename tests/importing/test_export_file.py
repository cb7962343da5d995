"""The file between `sharedstate export` and `sharedstate init --from`."""

from __future__ import annotations

import io
import json
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sharedstate._numbers import decode_exactly
from sharedstate_ops.importing.export_file import read_export, write_export
from sharedstate_ops.importing.reading import SourceError

DOCUMENT: dict[str, Any] = {
    "format": "sharedstate/1",
    "workspace": "w",
    "exported_at": "2026-01-01T00:00:00+00:00",
    "counters": {"last_conflict_id": 2, "fencing": []},
    "subsystems": [{"name": "arm", "metadata": {"é": ["x", None]}}, {"name": "leg"}],
    "conflicts": [],
}


def written(text: str, tmp_path: Path) -> Path:
    path = tmp_path / "export.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_written_document_is_read_back_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    write_export(DOCUMENT, path)
    assert json.loads(path.read_text()) == DOCUMENT
    reading = read_export(path)
    assert reading.problems == []
    assert reading.counters == DOCUMENT["counters"]
    assert [entry.value for entry in reading.entries] == DOCUMENT["subsystems"]
    lines = path.read_text().splitlines()
    assert all(entry.value["name"] in lines[entry.line - 1] for entry in reading.entries)


def test_an_ordinary_file_is_made_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text("old")
    write_export(DOCUMENT, path)
    assert stat.S_IMODE(path.stat().st_mode) & 0o400
    assert [p.name for p in tmp_path.iterdir()] == ["export.json"]


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text("old")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_export({**DOCUMENT, "conflicts": [{"n": float("nan")}]}, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["export.json"]


def test_numbers_keep_every_digit(tmp_path: Path) -> None:
    text = (
        '{"format": "sharedstate/1", "subsystems": [{"n": 0.10000000000000000000000001, "m": 1.5}]}'
    )
    (entry,) = read_export(written(text, tmp_path)).entries
    assert entry.value == {"n": Decimal("0.10000000000000000000000001"), "m": 1.5}
    stream = io.StringIO()
    write_export(decode_exactly('{"n": 0.10000000000000000000000001}'), stream)
    assert "0.10000000000000000000000001" in stream.getvalue()


BEYOND = ["1e1001", "1" * 1_002, "-1e-16384", "0." + "1" * 16_384]


@pytest.mark.parametrize("number", [*BEYOND, "1" * 5_000, "1" * 700, "1e-1500"])
def test_what_the_database_holds_is_read_whatever_it_is(number: str) -> None:
    assert decode_exactly(number) == Decimal(number)


@pytest.mark.parametrize("number", BEYOND)
def test_a_number_that_no_document_can_hold_is_left_out_by_line(
    number: str, tmp_path: Path
) -> None:
    text = f'{{"format": "sharedstate/1", "subsystems": [{{"name": "arm"}},\n{{"n": {number}}}]}}'
    reading = read_export(written(text, tmp_path))
    assert [entry.value for entry in reading.entries] == [{"name": "arm"}]
    ((line, reason),) = [(problem.line, problem.reason) for problem in reading.problems]
    assert line == 2
    assert "is out of range; the entry is left out" in reason


def test_entries_that_cannot_be_stored_are_left_out_by_line(tmp_path: Path) -> None:
    text = """{"format": "sharedstate/1",
"subsystems": [
{"name": "arm"},
{"name": "leg", "metadata": {"n": NaN}},
"oops",
{"name": "eye", "state": "a\\u0000"}
],
"conflicts": {},
"extra": [1]
}"""
    reading = read_export(written(text, tmp_path))
    assert [entry.value["name"] for entry in reading.entries] == ["arm"]
    assert [(p.line, p.section) for p in reading.problems] == [
        (4, "subsystems"),
        (5, "subsystems"),
        (6, "subsystems"),
        (8, "conflicts"),
        (9, ""),
    ]
    assert "metadata.n: NaN is no JSON number" in reading.problems[0].reason


def test_a_repeated_key_is_reported_with_its_line_and_the_last_value_taken(tmp_path: Path) -> None:
    text = """{"format": "sharedstate/1",
"subsystems": [
{"name": "arm", "metadata": {
  "mass": 1,
  "mass": 2}},
{"name": "leg"},
{"name": "eye", "name": "ear"}
],
"counters": {"last_conflict_id": 1},
"counters": {"last_conflict_id": 2},
"subsystems": [{"name": "tail"}]
}"""
    reading = read_export(written(text, tmp_path))
    assert [entry.value for entry in reading.entries] == [
        {"name": "arm", "metadata": {"mass": 2}},
        {"name": "leg"},
        {"name": "ear"},
        {"name": "tail"},  # of a section that comes twice nothing is hidden
    ]
    assert reading.counters == {"last_conflict_id": 2}
    last = "the last value was taken"
    assert [(p.line, p.section, p.reason) for p in reading.problems] == [
        (4, "subsystems", f'the key "mass" stands here and again on line 5; {last}'),
        (7, "subsystems", f'the key "name" stands here and again on line 7; {last}'),
        (9, "counters", f'the key "counters" stands here and again on line 10; {last}'),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no valid JSON|is empty|is cut off"),
        ("[]", "export.json:1: is no valid JSON: Expecting an object"),
        ('{"format": "sharedstate/1",\n"subsystems": [{"name": ', "export.json:2: is cut off"),
        ('{"format": "sharedstate/2"}', 'expected "format": "sharedstate/1"'),
        ('{"state": "complete"}', 'expected "format": "sharedstate/1"'),
        ('{"format": "sharedstate/1"} x', "something follows after the end"),
    ],
)
def test_a_file_that_is_no_export_is_a_clear_error(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        read_export(written(text, tmp_path))
