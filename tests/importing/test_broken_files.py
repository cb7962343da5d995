"""Whatever is broken is reported with file, place and reason, and all the rest is read."""

from __future__ import annotations

import os
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
        ("[1]", "", "must hold a JSON object, found a list"),
        ("\n12", "", "must hold a JSON object, found the number 12"),
        (b'{"state":\n "\xff"}', 2, "is not UTF-8 (byte 0xff)"),
        ('{"state": "x"}'.encode("utf-16"), 1, "is UTF-16; save it as UTF-8"),
        ('{"a": ' * 100_000 + "1" + "}" * 100_000, 1, "is nested more than 206 levels deep"),
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
        ('"current_mass_kg": "12.5"', "must be a number, found the text '12.5'"),
        ('"current_mass_kg": true', "must be a number, found true"),
        ('"current_mass_kg": -1', "must not be negative, found -1"),
        ('"current_mass_kg": NaN', "is NaN, which is no JSON number"),
        ('"current_mass_kg": -Infinity', "is -Infinity, which is no JSON number"),
        ('"current_mass_kg": 1e9999', "is 1e9999, a number out of range"),
        ('"current_mass_kg": 1e12', "must be less than 1e12"),
        ('"current_mass_kg": [1]', "must be a number, found a list"),
        ('"iteration": 1.5', "must be a whole number, found the number 1.5"),
        ('"iteration": 99999999999', "must be from 0 to 2147483647, found the number 99999999999"),
        ('"within_budget": "yes"', "must be true or false, found the text 'yes'"),
        ('"timestamp": "yesterday"', "2025-11-30T14:02:11, found the text 'yesterday'"),
        ('"timestamp": 1764511331', "must be a time such as 2025-11-30T14:02:11"),
        ('"metadata": []', "must be an object, found a list"),
        ('"name": "leg"', "is 'leg' in the folder of arm"),
        ('"state": "a\\u0007b"', "holds a control character"),
        ('"state": ""', "is empty"),
        ('"state": "\\ufeff"', "is empty"),
        (f'"state": "{"x" * 201}"', "has 201 characters, at most 200 are allowed"),
        ('"note": {"deep": [1, NaN]}', "is NaN, which is no JSON number"),
        (f'"note": {"[" * 250}{"]" * 250}', "is nested more than 206 levels deep"),
        ('"note": "a\\u0000b"', "holds the character NUL"),
        ('"note": "\\ud800"', "half of a surrogate pair"),
        ('"a\\u0000": 1', "holds the character NUL"),
    ],
)
def test_one_bad_field_does_not_lose_the_status(
    write_tree: WriteTree, field: str, reason: str
) -> None:
    text = '{\n "bones": 6,\n ' + field + "\n}"
    reading = read_design(write_tree({"shared_state/subsystems/arm/status.json": text}))
    ((file, place, found),) = problems(reading)
    pointers = {
        '"note": {"deep': "/note/deep/1",
        '"note": [': "/note" + "/0" * 206,
        '"a\\': "/a\\x00",
    }
    pointer = next((p for start, p in pointers.items() if field.startswith(start)), None)
    assert (file, place) == ("subsystems/arm/status.json", pointer or "/" + field.split('"')[1])
    assert reason in found
    assert states(reading)["arm"] == {"name": "arm", "metadata": {"bones": 6}}


def test_a_repeated_key_is_reported_and_none_of_its_values_is_believed(
    write_tree: WriteTree,
) -> None:
    text = '{"state": "x",\n"iteration": 1,\n"iteration": 2}'
    reading = read_design(write_tree({"shared_state/subsystems/arm/status.json": text}))
    ((_, place, reason),) = problems(reading)
    assert (place, reason) == ("/iteration", "is there 2 times; left out")
    assert states(reading)["arm"] == {"name": "arm", "state": "x", "metadata": {}}


def test_a_problem_names_the_file_and_the_place_in_it(write_tree: WriteTree) -> None:
    text = '{"current_mass_kg": "12.5", "a/b~": NaN}'
    reading = read_design(write_tree({"shared_state/subsystems/arm/status.json": text}))
    file = "shared_state/subsystems/arm/status.json"
    assert [str(problem) for problem in reading.problems] == [
        f"{file}: /current_mass_kg must be a number, found the text '12.5'; left out",
        f"{file}: /a~1b~0 is NaN, which is no JSON number; left out",
    ]


def test_a_document_with_a_bad_value_is_left_out_whole(write_tree: WriteTree) -> None:
    text = '{"joints": [\n {"torque_nm": NaN},\n {"torque_nm": Infinity}]}'
    reading = read_design(
        write_tree({**GOOD, "shared_state/subsystems/arm/requirements.json": text})
    )
    whole = "which is no JSON number; the whole document is left out"
    assert [(place, reason) for _, place, reason in problems(reading)] == [
        ("/joints/0/torque_nm", f"is NaN, {whole}"),
        ("/joints/1/torque_nm", f"is Infinity, {whole}"),
    ]
    assert not list(reading.section("subsystem_requirements"))


def test_bad_budgets_are_reported_one_by_one(write_tree: WriteTree) -> None:
    text = """{
  "total_mass_kg_max": "45",
  "height_m": 1.75,
  "budget_allocations": {
    "arm": {"mass_kg": -1,
            "cost_usd": 10},
    "bad name ": {"mass_kg": 1},
    "leg": [],
    "eye": {"mass_kg": NaN, "power_w": 5}
  },
  "cost_budget_allocation": {"arm_usd": 9, "leg_usd": "x"},
  "mass_budget_allocation": 3
}"""
    reading = read_design(write_tree({"shared_state/constraints/global.json": text}))
    found = {place: reason for _, place, reason in problems(reading)}
    assert set(found) == {
        "/total_mass_kg_max",
        "/budget_allocations/arm/mass_kg",
        "/budget_allocations/bad name ",
        "/budget_allocations/leg",
        "/budget_allocations/eye/mass_kg",
        "/cost_budget_allocation/leg_usd",
        "/mass_budget_allocation",
    }
    negative = found["/budget_allocations/arm/mass_kg"]
    assert negative == "must not be negative, found -1; left out"
    no_number = found["/budget_allocations/eye/mass_kg"]
    assert no_number == "is NaN, which is no JSON number; left out"
    (row,) = (entry.value for entry in reading.section("global_constraints"))
    assert row["budget_allocations"] == {"arm": {"cost_usd": 10}, "eye": {"power_w": 5}}
    assert row["height_m"] == 1.75


def test_bad_conflicts_are_left_out_and_their_numbers_never_given_again(
    write_tree: WriteTree,
) -> None:
    text = """{"conflicts": [
 {"id": 1, "severity": "high", "source_agent": "a", "target_agent": "b", "description": "x"},
 {"id": 1, "severity": "low", "source_agent": "a", "target_agent": "b", "description": "y"},
 {"id": 5, "severity": "urgent", "source_agent": "a", "target_agent": "b", "description": "x"},
 {"id": 2, "severity": "low", "source_agent": "a", "target_agent": "b", "description": "x",
  "priority": 9, "details": "none"},
 {"severity": "low", "source_agent": "a", "description": "x"},
 "nonsense"],
 "resolved": {}, "next_conflict_id": "3"}"""
    reading = read_design(write_tree({"shared_state/conflicts/active.json": text}))
    assert [entry.value["conflict_id"] for entry in reading.section("conflicts")] == [1]
    severity = "must be one of low, medium, high, critical, found the text 'urgent'"
    left_out = "the conflict is left out"
    assert [(place, reason) for _, place, reason in problems(reading)] == [
        ("/conflicts/1", "is conflict 1, as is /conflicts/0; left out"),
        ("/conflicts/2/severity", f"{severity}; {left_out}"),
        ("/conflicts/3/priority", f"must be from 1 to 4, found the number 9; {left_out}"),
        ("/conflicts/3/details", f"must be an object, found the text 'none'; {left_out}"),
        ("/conflicts/4", f"has no number and no target_agent; {left_out}"),
        ("/conflicts/5", "must be an object, found the text 'nonsense'; left out"),
        ("/resolved", "must be a list of conflicts, found an object; left out"),
        ("/next_conflict_id", "must be a whole number, found the text '3'; left out"),
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
        b'{"agent": "a"}',
        b'{"agent": "not allowed ", "activity": "x"}',
        b'["a"]',
        b'{"agent": "\xff", "activity": "x"}',
        b"{" * 500,
    ]
    log = good + b"\n".join(bad) + b"\n" + good
    reading = read_design(write_tree({"shared_state/logs/x.jsonl": log}))
    assert len(list(reading.section("agent_activity_logs"))) == 2
    assert {line for _, line, _ in problems(reading)} == set(range(2, 9))
    reasons = [reason for _, line, reason in problems(reading) if line == 2]
    assert "is cut off" in reasons[0]


def test_a_log_line_is_whole_or_left_out_so_that_a_repaired_one_comes_in_once(
    write_tree: WriteTree,
) -> None:
    log = """{"agent": "a", "activity": "x", "timestamp": "soon", "details": "none"}
{"agent": "a", "activity": "x", "activity": "y"}
{"agent": "a", "activity": "x", "details": {"n": NaN}}
{"agent": "a", "activity": "x", "details": {"n": 1}, "n": 2}
{"agent": "a", "activity": "x", "details": {"n": 1}, "m": 2}
"""
    reading = read_design(write_tree({"shared_state/logs/2025-11-30.jsonl": log}))
    assert [entry.place.line for entry in reading.section("agent_activity_logs")] == [5]
    soon = "must be a time such as 2025-11-30T14:02:11, found the text 'soon'"
    assert [(p.place.line, p.place.pointer, p.reason) for p in reading.problems] == [
        (1, "/timestamp", f"{soon}; the line is left out"),
        (1, "/details", "must be an object, found the text 'none'; the line is left out"),
        (2, "/activity", "is there 2 times; the line is left out"),
        (3, "/details/n", "is NaN, which is no JSON number; the line is left out"),
        (4, "/n", "stands in details with another value; the line is left out"),
    ]


def test_odd_files_are_reported_and_never_waited_for(reference_copy: Path) -> None:
    state = reference_copy / "shared_state"
    (state / "subsystems" / "bad name ").mkdir()
    (state / "subsystems" / "folder").mkdir()
    (state / "subsystems" / "folder" / "status.json").mkdir()
    (state / "subsystems" / "loop").symlink_to("loop")
    (state / "subsystems" / "pipe").mkdir()
    os.mkfifo(state / "subsystems" / "pipe" / "status.json")
    (state / "logs" / "gone.jsonl").symlink_to("nowhere")
    reading = read_design(reference_copy)
    found = {file: reason for file, _, reason in problems(reading)}
    assert found["subsystems/folder/status.json"].startswith("is a folder where a file was")
    assert found["subsystems/pipe/status.json"].startswith("is no ordinary file")
    assert "cannot be read" in found["subsystems/loop"]
    assert "cannot be read" in found["logs/gone.jsonl"]
    assert "begins or ends with a space" in found["subsystems/bad name "]
    assert len(found) == 5
    assert set(states(reading)) == {"actuation", "power", "skeleton", "system_architect"}


def test_a_file_where_a_folder_belongs_is_reported(write_tree: WriteTree) -> None:
    reading = read_design(write_tree({**GOOD, "shared_state/logs": "oops"}))
    assert problems(reading) == [
        ("logs", "", "is a file where a folder was expected; left out"),
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
