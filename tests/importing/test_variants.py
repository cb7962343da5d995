"""Shapes of old files that differ from the reference design and are no mistakes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sharedstate_ops.importing.legacy import read_design
from sharedstate_ops.importing.reading import Reading

from .conftest import Tree, WriteTree


def read(write_tree: WriteTree, tree: Tree) -> Reading:
    reading = read_design(write_tree({f"shared_state/{k}": v for k, v in tree.items()}))
    assert reading.problems == []
    return reading


def rows(reading: Reading, section: str) -> list[dict[str, Any]]:
    return [entry.value for entry in reading.section(section)]


def test_the_older_shape_of_budgets_is_understood(write_tree: WriteTree) -> None:
    older = {
        "mass_budget_allocation": {"skeleton_kg": 15.0, "reserve_kg": 2, "total_kg": 45},
        "cost_budget_allocation": {"skeleton_usd": 3000, "total_usd": 15000},
        "power_budget_allocation": {"actuation_w": 800},
        "author": "Ada",
        "timestamp": "2025-11-30T14:00:00",
    }
    (row,) = rows(read(write_tree, {"constraints/global.json": older}), "global_constraints")
    assert row["budget_allocations"] == {
        "skeleton": {"mass_kg": 15.0, "cost_usd": 3000},
        "reserve": {"mass_kg": 2},
        "actuation": {"power_w": 800},
    }
    assert (row["total_mass_kg_max"], row["total_cost_usd_max"]) == (45, 15000)
    assert row["metadata"] == {"author": "Ada"}
    assert row["created_at"] == "2025-11-30T14:00:00+00:00"


def test_both_shapes_in_one_file_are_joined_and_the_newer_wins(write_tree: WriteTree) -> None:
    both = {
        "budget_allocations": {"skeleton": {"mass_kg": 14, "note": "was 15"}},
        "mass_budget_allocation": {"skeleton_kg": 15.0, "shell_kg": 5},
    }
    (row,) = rows(read(write_tree, {"constraints/global.json": both}), "global_constraints")
    assert row["budget_allocations"] == {
        "skeleton": {"mass_kg": 14, "note": "was 15"},
        "shell": {"mass_kg": 5},
    }


def test_subsystems_and_states_that_nobody_listed_are_taken(write_tree: WriteTree) -> None:
    reading = read(write_tree, {"subsystems/tail.v2/status.json": {"state": "being argued about"}})
    (row,) = rows(reading, "subsystems")
    assert (row["name"], row["state"]) == ("tail.v2", "being argued about")


def test_a_status_of_null_values_is_a_status(write_tree: WriteTree) -> None:
    status = {"state": "designing", "current_mass_kg": None, "within_budget": None}
    (row,) = rows(read(write_tree, {"subsystems/arm/status.json": status}), "subsystems")
    assert row == {"name": "arm", "state": "designing", "metadata": {}}


def test_several_designs_become_versions_by_time(write_tree: WriteTree) -> None:
    tree = {
        "subsystems/arm/design.json": {"n": 5},
        "subsystems/arm/design_v10.json": {"n": 2},
        "subsystems/arm/design_v9.json": {"n": 1},
        "subsystems/arm/a_design_final.json": {"n": 4, "timestamp": "2025-11-30T12:00:00+01:00"},
        "subsystems/arm/z_design_first.json": {"n": 3, "timestamp": "2025-11-30T10:00:00"},
    }
    reading = read(write_tree, tree)
    order = [row["design_data"]["n"] for row in rows(reading, "subsystem_designs")]
    assert order == [1, 2, 3, 4, 5]
    assert "5 designs become versions in this order: design_v9.json" in reading.notes[0].reason


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own clock is not in UTC."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
def test_times_with_a_zone_are_converted_to_utc(write_tree: WriteTree) -> None:
    lines = [
        {"timestamp": "2025-11-30T14:00:00", "agent": "a", "activity": "no zone"},
        {"timestamp": "2025-11-30T14:00:00Z", "agent": "a", "activity": "utc"},
        {"timestamp": "2025-11-30T14:00:00.25+05:30", "agent": "a", "activity": "india"},
    ]
    log = "\n".join(map(json.dumps, lines))
    found = rows(read(write_tree, {"logs/x.jsonl": log}), "agent_activity_logs")
    assert [row["timestamp"] for row in found] == [
        "2025-11-30T14:00:00+00:00",
        "2025-11-30T14:00:00+00:00",
        "2025-11-30T08:30:00.250000+00:00",
    ]


def test_a_log_line_without_a_time_follows_the_line_above(write_tree: WriteTree) -> None:
    log = (
        '{"agent": "a", "activity": "first"}\n'
        '{"agent": "a", "activity": "second", "timestamp": "2025-11-30T09:00:00"}\n\n'
        '{"agent": "a", "activity": "third"}\n'
    )
    found = rows(read(write_tree, {"logs/2025-11-30.jsonl": log}), "agent_activity_logs")
    assert [row["timestamp"] for row in found] == [
        "2025-11-30T00:00:00+00:00",
        "2025-11-30T09:00:00+00:00",
        "2025-11-30T09:00:00+00:00",
    ]


def test_the_same_line_twice_is_two_entries_and_appending_keeps_the_keys(
    write_tree: WriteTree,
) -> None:
    line = '{"agent": "a", "activity": "tick", "timestamp": "2025-11-30T09:00:00"}\n'
    first = rows(read(write_tree, {"logs/x.jsonl": line * 2}), "agent_activity_logs")
    second = rows(read(write_tree, {"logs/x.jsonl": line * 3}), "agent_activity_logs")
    keys = [row["import_key"] for row in second]
    assert len(set(keys)) == 3
    assert keys[:2] == [row["import_key"] for row in first]


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(write_tree: WriteTree) -> None:
    log = b'\xef\xbb\xbf{"agent": "a", "activity": "x"}\r\n{"agent": "b", "activity": "y"}\r\n'
    status = b'\xef\xbb\xbf{"state": "complete"}\r\n'
    reading = read(write_tree, {"logs/x.jsonl": log, "subsystems/arm/status.json": status})
    assert [row["agent_name"] for row in rows(reading, "agent_activity_logs")] == ["a", "b"]
    assert rows(reading, "subsystems")[0]["state"] == "complete"
    assert reading.notes == []


def test_extra_keys_of_conflicts_and_log_lines_go_into_details(write_tree: WriteTree) -> None:
    conflict = {
        "id": 7,
        "severity": "High",
        "source": "arm_agent",
        "target": "system_architect",
        "description": "too heavy",
        "blocks": ["power_agent"],
        "ticket": "X-1",
        "status": "under review",
    }
    line = {"agent": "a", "activity": "x", "details": {"n": 1}, "host": "h1"}
    tree = {"conflicts/active.json": {"conflicts": [conflict]}, "logs/x.jsonl": line}
    reading = read(write_tree, tree)
    (found,) = rows(reading, "conflicts")
    assert found["details"] == {"ticket": "X-1", "status": "under review"}
    assert found["status"] == "open"
    assert (found["severity"], found["blocks_agents"]) == ("high", ["power_agent"])
    assert rows(reading, "agent_activity_logs")[0]["details"] == {"n": 1, "host": "h1"}
    assert reading.counters == {"last_conflict_id": 7}


def test_a_resolved_conflict_without_words_or_time_gets_what_the_table_needs(
    write_tree: WriteTree,
) -> None:
    conflict = {
        "id": 1,
        "severity": "low",
        "source_agent": "a",
        "target_agent": "b",
        "description": "d",
        "timestamp": "2025-11-30T09:00:00",
    }
    tree = {"conflicts/active.json": {"resolved": [conflict], "next_conflict_id": 9}}
    reading = read(write_tree, tree)
    (found,) = rows(reading, "conflicts")
    assert found["status"] == "resolved"
    assert found["resolution"] == "(the old files do not say how)"
    assert found["resolved_at"] == "2025-11-30T09:00:00+00:00"
    assert reading.counters == {"last_conflict_id": 8}


def test_files_that_are_not_part_of_the_layout_are_named(write_tree: WriteTree) -> None:
    tree = {
        "subsystems/arm/status.json": {"state": "complete"},
        "subsystems/arm/arm.step": "ISO-10303",
        "subsystems/README.md": "hello",
        "notes/todo.txt": "x",
        "conflicts/old.json": {},
        ".DS_Store": b"\0",
    }
    reading = read(write_tree, tree)
    assert {note.place.file.removeprefix("shared_state/") for note in reading.notes} == {
        "subsystems/arm/arm.step",
        "subsystems/README.md",
        "notes",
        "conflicts/old.json",
    }


def test_decimals_keep_every_digit(write_tree: WriteTree) -> None:
    text = '{"state": "x", "current_mass_kg": 0.12345678901234567890}'
    (row,) = rows(read(write_tree, {"subsystems/arm/status.json": text}), "subsystems")
    assert str(row["current_mass_kg"]) == "0.12345678901234567890"
