"""The reference design becomes an exchange document without loss."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sharedstate_ops.importing import SourceError
from sharedstate_ops.importing.legacy import read_design

from .conftest import document_of


def by(document: dict[str, Any], section: str, key: str) -> dict[Any, Any]:
    return {row[key]: row for row in document[section]}


def test_the_reference_design_is_read_without_a_problem(reference: Path) -> None:
    reading = read_design(reference)
    assert reading.problems == []
    assert reading.notes == []
    counts = {name: len(rows) for name, rows in document_of(reading).items() if name[0] in "gsac"}
    assert counts == {
        "global_constraints": 1,
        "subsystems": 4,
        "subsystem_requirements": 2,
        "subsystem_interfaces": 1,
        "subsystem_designs": 1,
        "conflicts": 2,
        "agent_activity_logs": 4,
        "counters": 1,
    }


def test_both_ways_of_naming_the_source_give_the_same_document(reference: Path) -> None:
    inner = document_of(read_design(reference / "shared_state"))
    assert inner == document_of(read_design(reference))


def test_columns_are_told_from_metadata(reference: Path) -> None:
    status = by(document_of(read_design(reference)), "subsystems", "name")["skeleton"]
    assert status == {
        "name": "skeleton",
        "state": "complete",
        "iteration": 1,
        "current_mass_kg": 12.5,
        "current_cost_usd": 2400,
        "within_budget": True,
        "created_at": "2025-11-30T14:19:40.115200+00:00",
        "updated_at": "2025-11-30T14:19:40.115200+00:00",
        "metadata": {"bones_designed": 6, "joints_designed": 10},
    }


def test_conflicts_keep_number_status_and_times(reference: Path) -> None:
    document = document_of(read_design(reference))
    resolved = by(document, "conflicts", "conflict_id")[1]
    assert resolved["status"] == "resolved"
    assert resolved["resolution"] == "Wall thickness of arm bones reduced to 2.5 mm"
    assert resolved["resolved_at"] == "2025-11-30T14:18:02.551007+00:00"
    assert resolved["created_at"] == "2025-11-30T14:12:47.220918+00:00"
    assert by(document, "conflicts", "conflict_id")[2]["status"] == "open"
    assert document["counters"] == {"last_conflict_id": 2}


def test_documents_are_kept_as_they_are(reference: Path) -> None:
    path = reference / "shared_state/subsystems/skeleton/interfaces.json"
    (row,) = document_of(read_design(reference))["subsystem_interfaces"]
    assert row["interfaces"] == json.loads(path.read_text())
    assert row["created_at"] == "2025-11-30T14:19:39.880034+00:00"


def test_what_the_customer_wants_is_kept_beside_the_limits(reference: Path) -> None:
    (row,) = document_of(read_design(reference))["global_constraints"]
    wanted = json.loads((reference / "config/global_requirements.json").read_text())
    assert row["metadata"] == {"requirements": wanted}
    assert row["budget_allocations"]["actuation"] == {
        "mass_kg": 12.0,
        "cost_usd": 6000.0,
        "power_w": 800.0,
    }


def test_without_constraints_the_limits_come_from_the_customer(reference_copy: Path) -> None:
    shutil.rmtree(reference_copy / "shared_state/constraints")
    (row,) = document_of(read_design(reference_copy))["global_constraints"]
    limits = (row["total_mass_kg_max"], row["total_cost_usd_max"], row["height_m"])
    assert limits == (45.0, 15000, 1.75)
    assert row["voltage_v"] == 48


def test_a_key_depends_on_the_line_and_not_on_where_the_design_lies(
    reference: Path, reference_copy: Path
) -> None:
    def keys(folder: Path) -> list[str]:
        rows = document_of(read_design(folder))["agent_activity_logs"]
        return [row["import_key"] for row in rows]

    assert keys(reference) == keys(reference_copy)
    # The keys of lines that users have imported already must never change.
    assert keys(reference)[0] == "afc8f77a-2ea2-58b4-b6d7-2cef282db32d"


def fingerprint(folder: Path) -> dict[str, tuple[str, int, int]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (content, path.stat().st_mtime_ns, path.stat().st_mode)
    return found


def test_the_source_is_only_read(reference_copy: Path) -> None:
    (reference_copy / "shared_state/logs/broken.jsonl").write_text('{"agent": ')
    paths = [reference_copy, *reference_copy.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = fingerprint(reference_copy)
    try:
        assert read_design(reference_copy).problems
        assert fingerprint(reference_copy) == before
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_folder_that_does_not_exist_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere does not exist"):
        read_design(tmp_path / "nowhere")


def test_a_folder_without_a_design_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no design: expected shared_state/"):
        read_design(tmp_path)


def test_an_empty_layout_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "shared_state" / "logs").mkdir(parents=True)
    with pytest.raises(SourceError, match="holds no file of a design"):
        read_design(tmp_path)


def test_a_relative_path_is_read_from_the_working_directory(
    reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reference / "shared_state")
    assert document_of(read_design(Path())) == document_of(read_design(reference))
    assert Path.cwd() == reference / "shared_state"
