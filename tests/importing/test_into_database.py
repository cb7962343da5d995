"""`sharedstate init --from` on a real database."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from tests.command_line import Command

from sharedstate_ops.importing.upload import upload
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.connections import connect

from .conftest import TABLES, Database, Rows, WriteTree
from .test_parser_properties import damaged, read_with


def test_the_reference_design_arrives(
    sharedstate: Command, database: Database, fresh: str, reference: Path
) -> None:
    result = sharedstate("init", "--workspace", fresh, "--from", reference)
    assert result.exit_code == 0, result.output
    skeleton = database.one("subsystems", fresh, name="skeleton")
    assert (skeleton["state"], skeleton["current_mass_kg"]) == ("complete", 12.5)
    assert skeleton["metadata"] == {"bones_designed": 6, "joints_designed": 10}
    assert skeleton["updated_at"].startswith("2025-11-30T14:19:40.1152")
    resolved = database.one("conflicts", fresh, conflict_id=1)
    assert resolved["resolution"] == "Wall thickness of arm bones reduced to 2.5 mm"
    times = [row["timestamp"] for row in database.rows("agent_activity_logs", fresh)]
    assert "2025-11-30T14:02:12.110002+00:00" in times
    constraints = database.one("global_constraints", fresh)
    assert constraints["metadata"]["requirements"]["performance"]["payload_capacity_kg"] == 5.0
    # The defaults fill the gaps and touch nothing else.
    assert len(database.rows("subsystems", fresh)) == 7
    assert database.one("subsystems", fresh, name="shell")["state"] == "not_started"


def test_folders_and_agents_of_any_name_arrive_and_leave_again(
    sharedstate: Command,
    database: Database,
    fresh: str,
    write_tree: WriteTree,
    tmp_path: Path,
) -> None:
    source = write_tree(
        {
            "subsystems/hands and feet/status.json": {"state": "complete"},
            "subsystems/hands and feet/design.json": {"fingers": 10, "created_by": "手, 100%"},
            "subsystems/Fuß links/interfaces.json": {"toes": 5},
            "constraints/global.json": {"budget_allocations": {"hands and feet": {"mass_kg": 2}}},
            "logs/2025-11-30.jsonl": '{"agent": "Skeleton Designer", "activity": "done"}\n',
        }
    )
    workspace = f"Füße & Hände, 100% [{fresh}]"
    result = sharedstate("init", "--workspace", workspace, "--from", source)
    assert result.exit_code == 0, result.output
    assert workspace in result.output.replace("\n", " ")
    assert database.one("subsystems", workspace, name="hands and feet")["state"] == "complete"
    design = database.one("subsystem_designs", workspace, subsystem_name="hands and feet")
    assert (design["created_by"], design["design_data"]["fingers"]) == ("手, 100%", 10)
    database.one("subsystem_interfaces", workspace, subsystem_name="Fuß links")
    database.one("agent_activity_logs", workspace, agent_name="Skeleton Designer")
    saved = tmp_path / "saved.json"
    assert sharedstate("export", "--workspace", workspace, "--output", saved).exit_code == 0
    copy = f"{workspace}-copy"
    assert sharedstate("init", "--workspace", copy, "--from", saved).exit_code == 0
    # Entries of the log get other numbers.
    for table in set(TABLES) - {"agent_activity_logs"}:
        assert database.rows(table, copy) == database.rows(table, workspace)
    database.one("agent_activity_logs", copy, agent_name="Skeleton Designer")


def test_importing_again_changes_nothing_at_all(
    sharedstate: Command, database: Database, fresh: str, reference: Path
) -> None:
    sharedstate("init", "--workspace", fresh, "--from", reference)
    before = database.snapshot(fresh)
    result = sharedstate("init", "--workspace", fresh, "--from", reference)
    assert result.exit_code == 0
    assert database.snapshot(fresh) == before
    for line in result.output.splitlines():
        cells = [cell.strip() for cell in line.split("│")]
        if len(cells) > 4 and cells[1] in TABLES:
            assert (cells[2], cells[4], cells[5]) == ("", "", ""), line


def test_a_design_takes_the_place_of_defaults(
    sharedstate: Command, database: Database, workspace: str, write_tree: WriteTree
) -> None:
    limits = {"total_mass_kg_max": 61, "budget_allocations": {"arm": {"mass_kg": 60}}}
    tree = {
        "shared_state/constraints/global.json": limits,
        "shared_state/subsystems/power/status.json": {"state": "designing"},
    }
    result = sharedstate("init", "--workspace", workspace, "--from", write_tree(tree))
    assert result.exit_code == 0, result.output
    constraints = database.one("global_constraints", workspace)
    assert constraints["budget_allocations"] == {"arm": {"mass_kg": 60}}
    assert database.one("subsystems", workspace, name="power")["state"] == "designing"


def test_an_imported_within_budget_that_is_wrong_is_corrected(
    sharedstate: Command, database: Database, workspace: str, write_tree: WriteTree
) -> None:
    tree = {
        "shared_state/constraints/global.json": {"budget_allocations": {"arm": {"mass_kg": 60}}},
        "shared_state/subsystems/arm/status.json": {"current_mass_kg": 900, "within_budget": True},
    }
    source = write_tree(tree)
    assert sharedstate("init", "--workspace", workspace, "--from", source).exit_code == 0
    assert database.one("subsystems", workspace, name="arm")["within_budget"] is False
    before = database.snapshot(workspace)
    assert sharedstate("init", "--workspace", workspace, "--from", source).exit_code == 0
    assert database.snapshot(workspace) == before


def test_a_broken_file_is_reported_and_repairing_it_brings_it_in(
    sharedstate: Command, database: Database, fresh: str, reference_copy: Path
) -> None:
    status = reference_copy / "shared_state/subsystems/skeleton/status.json"
    good = status.read_text()
    status.write_text(good.replace("12.5", '"heavy"'))
    log = reference_copy / "shared_state/logs/2025-11-30.jsonl"
    complete = log.read_text()
    log.write_text(complete.rstrip()[:-20])
    result = sharedstate("init", "--workspace", fresh, "--from", reference_copy)
    assert result.exit_code == 1
    assert "skeleton/status.json: the database refused it: " in result.output
    assert "heavy" in result.output
    assert "shared_state/logs/2025-11-30.jsonl:4: is cut off" in result.output
    assert database.one("subsystems", fresh, name="skeleton")["state"] == "not_started"
    assert len(database.rows("conflicts", fresh)) == 2

    status.write_text(good)
    log.write_text(complete)
    result = sharedstate("init", "--workspace", fresh, "--from", reference_copy)
    assert result.exit_code == 0, result.output
    assert database.one("subsystems", fresh, name="skeleton")["current_mass_kg"] == 12.5
    imported = [r for r in database.rows("agent_activity_logs", fresh) if r["import_key"]]
    assert len(imported) == 4


BAD_STATUSES = [
    *({"current_mass_kg": value} for value in ("heavy", True, -1, 1e12, [1], "1e9999")),
    *({"iteration": value} for value in (1.5, 99_999_999_999, "x")),
    {"within_budget": "perhaps"},
    *({"state": value} for value in ("", "a\x07b", "x" * 201)),
    {"version": 0},
]
CONFLICT = {"severity": "low", "source_agent": "a", "target_agent": "b", "description": "x"}
BAD_CONFLICTS: Rows = [
    {**CONFLICT, "id": 1, "severity": "urgent"},
    {**CONFLICT, "id": 2, "priority": 9},
    {"id": 3, "severity": "low", "source_agent": "a", "description": "x"},
    {**CONFLICT, "id": 4, "source_agent": "no name "},
    {**CONFLICT, "id": "five"},
    CONFLICT,
]
BAD_LINES = [
    '{"agent": "a"}',
    '{"agent": "no name ", "activity": "x"}',
    '{"agent": "a", "activity": 7e99999}',
    f'{{"agent": "a", "activity": "{"x" * 201}"}}',
]
BAD_CONSTRAINTS = [
    {"total_mass_kg_max": "heavy"},
    {"budget_allocations": {"arm": {"mass_kg": -1}}},
    {"budget_allocations": {"bad name ": {"mass_kg": 1}}},
    {"budget_allocations": {"arm": []}},
    {"cost_budget_allocation": {"arm_usd": "x"}},
]


@pytest.mark.parametrize("constraints", BAD_CONSTRAINTS)
def test_budgets_that_the_database_refuses_are_left_out_and_named(
    sharedstate: Command,
    database: Database,
    fresh: str,
    write_tree: WriteTree,
    constraints: dict[str, Any],
) -> None:
    tree = {"constraints/global.json": constraints, "subsystems/arm/status.json": {"state": "x"}}
    result = sharedstate("init", "--workspace", fresh, "--from", write_tree(tree))
    assert result.exit_code == 1
    assert "constraints/global.json: the database refused it: " in result.output
    assert database.one("subsystems", fresh, name="arm")["state"] == "x"


def test_what_the_database_refuses_is_named_with_its_place_and_nothing_else_is_lost(
    sharedstate: Command, database: Database, fresh: str, write_tree: WriteTree
) -> None:
    good = {**CONFLICT, "id": 7}
    line = '{"agent": "a", "activity": "good"}'
    tree: dict[str, Any] = {
        f"subsystems/bad{number}/status.json": status for number, status in enumerate(BAD_STATUSES)
    }
    tree["subsystems/good/status.json"] = {"state": "complete", "bones": 6}
    tree["conflicts/active.json"] = {"conflicts": [*BAD_CONFLICTS, good]}
    tree["logs/x.jsonl"] = "\n".join([line, *BAD_LINES, line])
    result = sharedstate("init", "--workspace", fresh, "--from", write_tree(tree))
    assert result.exit_code == 1
    places = [
        *(f"subsystems/bad{number}/status.json:" for number in range(len(BAD_STATUSES))),
        *(f"conflicts/active.json: /conflicts/{number}" for number in range(len(BAD_CONFLICTS))),
        *(f"logs/x.jsonl:{number + 2}:" for number in range(len(BAD_LINES))),
    ]
    missing = [p for p in places if f"{p} the database refused it: " not in result.output]
    assert not missing, result.output
    assert f"{len(places)} left out" in result.output
    names = {row["name"] for row in database.rows("subsystems", fresh)}
    assert {name for name in names if name.startswith("bad")} == set()
    assert database.one("subsystems", fresh, name="good")["metadata"] == {"bones": 6}
    assert [row["conflict_id"] for row in database.rows("conflicts", fresh)] == [7]
    imported = [r for r in database.rows("agent_activity_logs", fresh) if r["import_key"]]
    assert len(imported) == 2


def test_all_problems_are_counted_and_listed(
    sharedstate: Command, fresh: str, write_tree: WriteTree
) -> None:
    log = '{"agent": "a", "activity": "x"}\n' + "nonsense\n" * 50
    source = write_tree({"shared_state/logs/x.jsonl": log})
    result = sharedstate("init", "--workspace", fresh, "--from", source)
    assert result.exit_code == 1
    assert "50 left out" in result.output
    assert result.output.count("x.jsonl:") == 50


def test_what_agents_wrote_meanwhile_stays_and_is_named(
    sharedstate: Command,
    database: Database,
    rpc: Callable[..., tuple[int, Any]],
    fresh: str,
    reference: Path,
) -> None:
    sharedstate("init", "--workspace", fresh, "--from", reference)
    status, _ = rpc(
        "update_subsystem_status",
        headers={"x-workspace": fresh},
        subsystem="power",
        status={"state": "complete"},
        execution_id="e1",
    )
    assert status == 200
    before = database.snapshot(fresh)
    result = sharedstate("init", "--workspace", fresh, "--from", reference)
    assert result.exit_code == 0
    assert "1 left in place" in result.output
    assert "subsystems power (shared_state/subsystems/power/status.json)" in result.output
    assert database.snapshot(fresh) == before


def test_a_log_that_grew_brings_only_its_new_lines(
    sharedstate: Command, database: Database, fresh: str, reference_copy: Path
) -> None:
    sharedstate("init", "--workspace", fresh, "--from", reference_copy)
    before = len(database.rows("agent_activity_logs", fresh))
    with (reference_copy / "shared_state/logs/2025-11-30.jsonl").open("a") as log:
        log.write('{"timestamp": "2025-11-30T15:00:00", "agent": "a", "activity": "more"}\n')
    sharedstate("init", "--workspace", fresh, "--from", reference_copy)
    assert len(database.rows("agent_activity_logs", fresh)) == before + 1


def test_several_designs_are_versions_in_order(
    sharedstate: Command, database: Database, fresh: str, write_tree: WriteTree
) -> None:
    folder = "shared_state/subsystems/tail"
    tree = {f"{folder}/design_v{n}.json": {"n": n} for n in (10, 2, 1, 9)}
    result = sharedstate("init", "--workspace", fresh, "--from", write_tree(tree))
    assert result.exit_code == 0, result.output
    assert "4 designs become versions in this order" in result.output
    rows = database.rows("subsystem_designs", fresh)
    assert {row["version"]: row["design_data"]["n"] for row in rows} == {1: 1, 2: 2, 3: 9, 4: 10}


@pytest.mark.parametrize("source", ["nowhere", "empty", "file.json"])
def test_a_source_without_a_design_ends_with_2_and_makes_no_workspace(
    sharedstate: Command, database: Database, fresh: str, tmp_path: Path, source: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.json").write_text('{"state": "complete"}')
    result = sharedstate("init", "--workspace", fresh, "--from", tmp_path / source)
    assert result.exit_code == 2
    assert "error:" in result.output
    assert source in result.output
    known = database.connection.execute("select 1 from core.workspaces where name = %s", [fresh])
    assert known.fetchone() is None


def test_an_entry_that_only_the_database_can_judge_is_reported_with_its_place(
    sharedstate: Command, database: Database, fresh: str, tmp_path: Path
) -> None:
    rows: Rows = [{"name": f"part{n}", "state": "designing"} for n in range(200)]
    rows[120] = {"name": "part120", "current_mass_kg": -1}
    rows[150] = {"name": "no name "}
    lines = ",\n".join(json.dumps(row) for row in rows)
    source = tmp_path / "export.json"
    source.write_text(f'{{"format": "sharedstate/1", "subsystems": [\n{lines}\n]}}')
    result = sharedstate("init", "--workspace", fresh, "--from", source)
    assert result.exit_code == 1
    assert "export.json: /subsystems/120 the database refused it" in result.output
    assert "export.json: /subsystems/150 the database refused it" in result.output
    names = {row["name"] for row in database.rows("subsystems", fresh)}
    assert {f"part{n}" for n in range(200)} - names == {"part120", "part150"}


def test_the_older_shape_of_budgets_arrives_without_limits(
    sharedstate: Command, database: Database, fresh: str, write_tree: WriteTree
) -> None:
    older = {
        "mass_budget_allocation": {"skeleton_kg": 15.0},
        "cost_budget_allocation": {"skeleton_usd": 3000},
    }
    source = write_tree({"shared_state/constraints/global.json": older})
    result = sharedstate("init", "--workspace", fresh, "--from", source / "shared_state")
    assert result.exit_code == 0, result.output
    row = database.one("global_constraints", fresh)
    assert row["budget_allocations"] == {"skeleton": {"mass_kg": 15.0, "cost_usd": 3000}}
    assert row["total_mass_kg_max"] is None


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_whatever_is_in_the_files_is_imported_once_or_named(
    stack: StackInfo, case: tuple[str, bytes]
) -> None:
    reading = read_with(*case)
    if reading is None or not reading.entries:
        return
    before = len(reading.problems)
    with connect(stack.database_url) as connection:
        operator = Operator(connection, f"fuzz-{uuid.uuid4().hex[:12]}")
        operator.init_workspace(with_defaults=False)

        def send(document: str) -> list[Any]:
            return operator.call("import_state", document=document)

        first = upload(reading, send, lambda _: None)
        named = len(reading.problems) - before
        again = upload(reading, send, lambda _: None)
    counters = 1 if reading.counters else 0
    taken = sum(first.imported.values()) + sum(first.unchanged.values())
    assert taken + named == len(reading.entries) + counters
    assert first.refused == again.refused == []
    assert not any(again.imported.values())
