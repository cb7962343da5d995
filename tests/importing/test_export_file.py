"""The file between `sharedstate export` and `sharedstate init --from`."""

from __future__ import annotations

import json
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sharedstate_ops.importing import SourceError
from sharedstate_ops.importing.exact_json import parse
from sharedstate_ops.importing.export_file import lines, read_export, write_export

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


def test_a_written_document_is_read_back_with_its_places(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    write_export(DOCUMENT, path)
    assert json.loads(path.read_text()) == DOCUMENT
    reading = read_export(path)
    assert reading.problems == []
    assert reading.counters == DOCUMENT["counters"]
    assert [entry.value for entry in reading.entries] == DOCUMENT["subsystems"]
    places = [str(entry.place) for entry in reading.entries]
    assert places == ["export.json: /subsystems/0", "export.json: /subsystems/1"]
    text = path.read_text().splitlines()
    assert [line for line in text if '"name"' in line] == [
        '{"name":"arm","metadata":{"é":["x",null]}},',
        '{"name":"leg"}',
    ]


def test_what_an_export_says_of_itself_comes_first_whatever_the_order_of_the_database() -> None:
    shuffled = {key: DOCUMENT[key] for key in sorted(DOCUMENT)} | {"later": 1}
    assert list(json.loads("".join(lines(shuffled)))) == [*DOCUMENT, "later"]


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
    text = "".join(lines(parse(b'{"n": 0.10000000000000000000000001}')))
    assert "0.10000000000000000000000001" in text


def test_entries_that_are_none_are_left_out_by_place(tmp_path: Path) -> None:
    text = """{"format": "sharedstate/1",
"subsystems": [{"name": "arm"}, "oops"],
"conflicts": {},
"counters": [],
"extra": [1]
}"""
    reading = read_export(written(text, tmp_path))
    assert [entry.value["name"] for entry in reading.entries] == ["arm"]
    assert [str(problem) for problem in reading.problems] == [
        "export.json: /subsystems/1 must be an object; left out",
        "export.json: /conflicts is no section of an export; left out",
        "export.json: /counters is no section of an export; left out",
        "export.json: /extra is no section of an export; left out",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "export.json:1: is empty"),
        ("[]", 'expected "format": "sharedstate/1"'),
        ('{"format": "sharedstate/1",\n"subsystems": [{"name": ', "export.json:2: is cut off"),
        ('{"format": "sharedstate/2"}', 'expected "format": "sharedstate/1"'),
        ('{"state": "complete"}', 'expected "format": "sharedstate/1"'),
        ('{"format": "sharedstate/1", "subsystems": [{"n": NaN}]}', "export.json: holds NaN"),
        (
            '{"format": "sharedstate/1"} x',
            "export.json:1: is no valid JSON: Extra data at column 29",
        ),
    ],
)
def test_a_file_that_is_no_export_is_a_clear_error(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        read_export(written(text, tmp_path))
