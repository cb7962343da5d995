"""Whatever is broken is reported with file, place and reason, and all the rest is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from sharedstate_ops.importing.legacy import read_design
from sharedstate_ops.importing.reading import Reading

from .conftest import WriteTree

GOOD = {"shared_state/subsystems/good/status.json": {"state": "complete"}}


def problems(reading: Reading) -> list[tuple[str, int | str, str]]:
    """File, line or JSON pointer, and reason of each."""
    return [
        (place.file.removeprefix("shared_state/"), place.line or place.pointer, reason)
        for place, reason in reading.problems
    ]


def states(reading: Reading) -> dict[str, dict[str, object]]:
    return {entry.value["name"]: entry.value for entry in reading.section("subsystems")}


@pytest.mark.parametrize(
    ("content", "place", "reason"),
    [
        ('{"state": "x",\n "iteration": 1,,\n}', 2, "is no valid JSON: "),
        ('{"state": "x",\n "iteration": }', 2, "is no valid JSON: Expecting value at column 15"),
        ('{"state": "x",\n}', (1, 2), "is no valid JSON: "),
        ('{"state": "x"\n "n": 1}', 2, "is no valid JSON: Expecting ','"),
        (
            "{'state': 'x'}",
            1,
            "is no valid JSON: Expecting property name enclosed in double quotes",
        ),
        ('{"state": "x",\n\n  "iter', 3, "is cut off"),
        ('{"state": "x",\n "list": [1, 2', 2, "is cut off"),
        ('{"state": "x"}\n{"state": "y"}', 2, "is no valid JSON: Extra data at column 1"),
        ("", 1, "is empty"),
        (" \n\n", 1, "is empty"),
        ("[1]", "", "must hold a JSON object"),
        ("\n12", "", "must hold a JSON object"),
        (b'{"state":\n "\xff"}', 2, "is not UTF-8 (byte 0xff)"),
        ('{"state": "x"}'.encode("utf-16"), 1, "is UTF-16; save it as UTF-8"),
        ('{"a": ' * 100_000 + "1" + "}" * 100_000, "", "is nested more than 206 levels deep"),
        (f'{{"note": {"[" * 250}{"]" * 250}}}', "", "is nested more than 206 levels deep"),
        ('{"deep": [1, NaN]}', "", "holds NaN, which is no JSON number"),
        ('{"current_mass_kg": -Infinity}', "", "holds -Infinity, which is no JSON number"),
        ('{"note": "a\\u0000b"}', "", "holds the character NUL"),
        ('{"a\\u0000": 1}', "", "holds the character NUL"),
        ('{"note": "\\ud800"}', "", "half of a surrogate pair"),
    ],
)
def test_a_file_that_is_no_json_object_is_left_out(
    write_tree: WriteTree, content: str | bytes, place: int | str | tuple[int, ...], reason: str
) -> None:
    reading = read_design(write_tree({**GOOD, "shared_state/subsystems/bad/status.json": content}))
    ((file, found_place, found_reason),) = problems(reading)
    assert file == "subsystems/bad/status.json"
    # Releases of Python differ on where a comma too many is.
    assert found_place in place if isinstance(place, tuple) else found_place == place
    assert reason in found_reason
    assert list(states(reading)) == ["good"]


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ('"timestamp": "yesterday"', "must be a time such as 2025-11-30T14:02:11"),
        ('"timestamp": 1764511331', "must be a time such as 2025-11-30T14:02:11"),
        ('"metadata": []', "must be an object"),
        ('"name": "leg"', "is 'leg' in the folder of arm"),
    ],
)
def test_a_status_with_a_field_that_cannot_be_read_is_left_out(
    write_tree: WriteTree, field: str, reason: str
) -> None:
    text = '{\n "bones": 6,\n ' + field + "\n}"
    reading = read_design(write_tree({**GOOD, "shared_state/subsystems/arm/status.json": text}))
    pointer = "/" + field.split('"')[1]
    assert problems(reading) == [("subsystems/arm/status.json", pointer, f"{reason}; left out")]
    assert list(states(reading)) == ["good"]


def test_a_problem_names_the_file_and_the_place_in_it(write_tree: WriteTree) -> None:
    text = '{"activity": "x", "agent": "a", "details": {"a/b~": 1}, "a/b~": 2}'
    reading = read_design(write_tree({"shared_state/logs/x.jsonl": text}))
    assert [str(problem) for problem in reading.problems] == [
        "shared_state/logs/x.jsonl:1: /a~1b~0 stands in details with another value; left out",
    ]


def test_constraints_that_are_no_objects_are_left_out(write_tree: WriteTree) -> None:
    text = '{"height_m": 1.75, "mass_budget_allocation": 3, "budget_allocations": []}'
    reading = read_design(write_tree({**GOOD, "shared_state/constraints/global.json": text}))
    assert [(place, reason) for _, place, reason in problems(reading)] == [
        ("/mass_budget_allocation", "must be an object; left out"),
        ("/budget_allocations", "must be an object; left out"),
    ]
    assert not list(reading.section("global_constraints"))


def test_bad_conflicts_are_left_out_and_their_numbers_never_given_again(
    write_tree: WriteTree,
) -> None:
    text = """{"conflicts": [
 {"id": 1, "severity": "high", "source_agent": "a", "target_agent": "b", "description": "x"},
 {"id": 1, "severity": "low", "source_agent": "a", "target_agent": "b", "description": "y"},
 {"id": 5, "severity": "low", "source_agent": "a", "target_agent": "b", "description": "x",
  "details": "none"},
 "nonsense"],
 "resolved": {"id": 9}, "next_conflict_id": "3"}"""
    reading = read_design(write_tree({"shared_state/conflicts/active.json": text}))
    assert [entry.value["conflict_id"] for entry in reading.section("conflicts")] == [1]
    assert [(place, reason) for _, place, reason in problems(reading)] == [
        ("/resolved", "must be a list of conflicts; left out"),
        ("/conflicts/1", "is conflict 1, as is /conflicts/0; left out"),
        ("/conflicts/2/details", "must be an object; left out"),
        ("/conflicts/3", "must be an object; left out"),
        ("/next_conflict_id", "must be a whole number; left out"),
    ]
    assert reading.counters == {"last_conflict_id": 5}


def test_a_number_that_is_open_and_resolved_is_resolved(write_tree: WriteTree) -> None:
    text = """{"conflicts": [
 {"id": 1, "severity": "low", "source_agent": "a", "target_agent": "b", "description": "x"}],
 "resolved": [
 {"id": 1, "severity": "low", "source_agent": "a", "target_agent": "b", "description": "x",
  "resolution": "done"}]}"""
    reading = read_design(write_tree({"shared_state/conflicts/active.json": text}))
    (conflict,) = reading.section("conflicts")
    assert conflict.value["status"] == "resolved"
    ((_, place, reason),) = problems(reading)
    assert (place, reason) == ("/conflicts/0", "is conflict 1, as is /resolved/0; left out")


def test_bad_log_lines_are_left_out_one_by_one(write_tree: WriteTree) -> None:
    good = b'{"agent": "a", "activity": "x"}\n'
    bad = [
        b'{"agent": "a", "activity": ',
        b'{"agent": "a", "activity": NaN}',
        b'{"agent": "a", "activity": "x", "timestamp": "soon"}',
        b'{"agent": "a", "activity": "x", "details": "none"}',
        b'["a"]',
        b'{"agent": "\xff", "activity": "x"}',
        b"{" * 500,
    ]
    log = good + b"\n".join(bad) + b"\n" + good
    reading = read_design(write_tree({"shared_state/logs/x.jsonl": log}))
    assert [entry.place.line for entry in reading.section("agent_activity_logs")] == [1, 9]
    assert [place.line for place, _ in reading.problems] == list(range(2, 9))
    assert "is cut off" in reading.problems[0].reason


def test_odd_files_are_reported(reference_copy: Path) -> None:
    state = reference_copy / "shared_state"
    (state / "subsystems" / "bad name ").mkdir()
    (state / "subsystems" / "folder").mkdir()
    (state / "subsystems" / "folder" / "status.json").mkdir()
    (state / "subsystems" / "loop").symlink_to("loop")
    (state / "logs" / "gone.jsonl").symlink_to("nowhere")
    reading = read_design(reference_copy)
    found = {file: reason for file, _, reason in problems(reading)}
    assert found["subsystems/folder/status.json"].startswith("cannot be read: Is a directory")
    assert "cannot be read" in found["subsystems/loop"]
    assert "cannot be read" in found["logs/gone.jsonl"]
    assert "begins or ends with a space" in found["subsystems/bad name "]
    assert len(found) == 4
    assert set(states(reading)) == {"actuation", "power", "skeleton", "system_architect"}


def test_a_file_where_a_folder_belongs_is_reported(write_tree: WriteTree) -> None:
    reading = read_design(write_tree({**GOOD, "shared_state/logs": "oops"}))
    assert problems(reading) == [
        ("logs", "", "cannot be read: Not a directory; left out"),
    ]


def test_files_that_may_not_be_read_are_reported(
    reference_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = Path.open

    # root may read everything, whatever the mode of the file says
    def refuse(self: Path, *args: str, **kwargs: str) -> object:
        if self.name == "status.json" and self.parent.name == "power":
            raise PermissionError(13, "Permission denied")
        return allowed(self, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    reading = read_design(reference_copy)
    assert problems(reading) == [
        ("subsystems/power/status.json", "", "cannot be read: Permission denied; left out"),
    ]
    assert "skeleton" in states(reading)


def test_a_broken_constraints_file_is_not_replaced_by_a_guess(reference_copy: Path) -> None:
    (reference_copy / "shared_state/constraints/global.json").write_text('{"height_m": 1')
    reading = read_design(reference_copy)
    assert [file for file, _, _ in problems(reading)] == ["constraints/global.json"]
    assert not list(reading.section("global_constraints"))
