"""`sharedstate export`, and the same state again in another workspace."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from tests.command_line import Command

from sharedstate_ops.importing.export_file import write_export
from sharedstate_ops.stack import StackInfo

from .conftest import Database


def at_work(rpc: Callable[..., tuple[int, Any]], workspace: str) -> None:
    """What agents leave behind: every table, counters and leases included."""

    def call(name: str, **arguments: Any) -> Any:
        status, answer = rpc(name, headers={"x-workspace": workspace}, **arguments)
        assert status == 200, answer
        return answer[0] if isinstance(answer, list) else answer

    lease = call(
        "acquire_lock",
        resource_type="subsystem",
        resource_name="tail",
        agent_name="tail_agent",
        execution_id="e1",
    )
    token = lease["fencing_token"]
    for mass in (1.25, 2.5):
        call(
            "update_subsystem_status",
            subsystem="tail",
            status={"state": "designing", "current_mass_kg": mass, "note": ["ä", None]},
            execution_id="e1",
            fencing_token=token,
        )
    for number in (1, 2):
        call(
            "update_subsystem_design",
            subsystem="tail",
            design_data={"n": number},
            created_by="tail_agent",
            execution_id="e1",
            fencing_token=token,
        )
    call("update_subsystem_requirements", subsystem="ear", requirements={}, created_by="a")
    call("update_global_constraints", constraints={"height_m": 2}, created_by="system_architect")
    conflict = {"source": "a", "target": "b", "description": "d", "severity": "high"}
    for _ in range(2):
        call("log_conflict", **conflict, blocks=["c"], details={"n": 1})
    call("resolve_conflict", conflict_id=3, resolution="done", resolved_by="a")
    call("log_agent_activity", agent_name="a", activity="x", details={"deep": {"er": [1.5]}})


def test_an_export_gives_the_same_state_in_an_empty_workspace(
    sharedstate: Command,
    database: Database,
    rpc: Callable[..., tuple[int, Any]],
    workspace: str,
    reference: Path,
    tmp_path: Path,
) -> None:
    sharedstate("init", "--workspace", workspace, "--from", reference)
    at_work(rpc, workspace)
    database.connection.execute(
        "update public.subsystems set current_mass_kg = 1.0 / 3,"
        """ metadata = '{"n": 0.12345678901234567890123}'"""
        " where workspace = %s and name = 'tail'",
        [workspace],
    )
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    copy = f"{workspace}-copy"
    assert sharedstate("export", "--workspace", workspace, "--output", first).exit_code == 0
    result = sharedstate("init", "--workspace", copy, "--from", first)
    assert result.exit_code == 0, result.output
    assert sharedstate("export", "--workspace", copy, "--output", second).exit_code == 0
    ours = [p.read_text().splitlines() for p in (first, second)]
    differing = [pair for pair in zip(*ours, strict=True) if pair[0] != pair[1]]
    assert [line.split('"')[1] for line, _ in differing] == ["workspace", "exported_at"]
    assert "0.12345678901234567890123" in first.read_text()

    before = database.snapshot(copy)
    result = sharedstate("init", "--workspace", copy, "--from", second)
    assert result.exit_code == 0
    assert database.snapshot(copy) == before


def test_an_export_to_standard_output_is_json_and_nothing_else(
    sharedstate: Command, workspace: str
) -> None:
    result = sharedstate("export", "--workspace", workspace)
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert list(document)[:4] == ["format", "workspace", "exported_at", "counters"]
    assert document["workspace"] == workspace


def test_exporting_an_unknown_workspace_is_a_clear_error(
    sharedstate: Command, fresh: str, tmp_path: Path
) -> None:
    result = sharedstate("export", "--workspace", fresh, "--output", tmp_path / "x.json")
    assert result.exit_code == 1
    assert "unknown_workspace" in result.output
    assert not (tmp_path / "x.json").exists()


def test_a_number_with_many_digits_comes_back_from_an_import_and_an_export(
    sharedstate: Command, database: Database, fresh: str, tmp_path: Path
) -> None:
    digits = "0.123456789012345678901234567890"
    entry = {"name": "arm", "metadata": {"exact": Decimal(digits), "short": 0.5}}
    file = tmp_path / "export.json"
    write_export({"format": "sharedstate/1", "subsystems": [entry]}, file)
    assert sharedstate("init", "--workspace", fresh, "--from", file).exit_code == 0
    again = tmp_path / "again.json"
    assert sharedstate("export", "--workspace", fresh, "--output", again).exit_code == 0
    subsystems = json.loads(again.read_text(), parse_float=Decimal)["subsystems"]
    (exported,) = [row for row in subsystems if row["name"] == "arm"]
    assert exported["metadata"] == {"exact": Decimal(digits), "short": Decimal("0.5")}
    (row,) = database.connection.execute(
        "select metadata ->> 'exact' as exact from public.subsystems"
        " where workspace = %s and name = 'arm'",
        [fresh],
    )
    assert row["exact"] == digits


def test_the_deepest_documents_that_agents_may_write_come_back(
    sharedstate: Command,
    rpc: Callable[..., tuple[int, Any]],
    workspace: str,
    fresh: str,
    tmp_path: Path,
) -> None:
    deep: dict[str, Any] = {"value": 1}
    for _ in range(199):
        deep = {"in": deep}
    report = {"severity": "low", "source": "a", "target": "b", "description": "d"}
    for name, arguments in {
        "log_conflict": {**report, "details": deep},
        "log_agent_activity": {"agent_name": "a", "activity": "x", "details": deep},
        "update_subsystem_design": {"subsystem": "x", "created_by": "a", "design_data": deep},
        "update_subsystem_status": {"subsystem": "x", "execution_id": "e", "status": deep},
        "update_global_constraints": {"created_by": "a", "constraints": deep},
    }.items():
        status, answer = rpc(name, **arguments)
        assert status == 200, answer
    exported: list[dict[str, Any]] = []
    for name, path in ((workspace, tmp_path / "first.json"), (fresh, tmp_path / "second.json")):
        if exported:
            result = sharedstate("init", "--workspace", fresh, "--from", tmp_path / "first.json")
            assert result.exit_code == 0, result.output
        result = sharedstate("export", "--workspace", name, "--output", path)
        assert result.exit_code == 0, result.output
        exported.append(json.loads(path.read_text()))
        del exported[-1]["workspace"], exported[-1]["exported_at"]
    assert exported[0] == exported[1]


# More digits than Python makes an int of, and the most that a document can hold in each direction.
LONG = ["0." + "1" * 4500, "0.1" + "0" * 16_381 + "1", "9" * 308 + "." + "1" * 16_383, "9" * 308]


def test_a_document_with_the_longest_numbers_is_exported_and_imported_again(
    sharedstate: Command,
    stack: StackInfo,
    database: Database,
    workspace: str,
    rpc: Callable[..., tuple[int, Any]],
    tmp_path: Path,
) -> None:
    numbers = ",".join(LONG)
    content = f'{{"subsystem":"arm","requirements":{{"n":[{numbers}]}},"created_by":"a"}}'
    headers = {"apikey": stack.agent_key, "x-workspace": workspace}
    headers["content-type"] = "application/json"
    answer = httpx.post(
        f"{stack.url}/rest/v1/rpc/update_subsystem_requirements", content=content, headers=headers
    )
    assert answer.status_code == 200, answer.text

    def held(workspace: str) -> list[str]:
        rows = database.connection.execute(
            "select jsonb_array_elements_text(requirements -> 'n') as n"
            " from public.subsystem_requirements"
            " where workspace = %s and subsystem_name = 'arm'",
            [workspace],
        )
        return [row["n"] for row in rows]

    assert held(workspace) == LONG
    file = tmp_path / "long.json"
    assert sharedstate("export", "--workspace", workspace, "--output", file).exit_code == 0
    result = sharedstate("init", "--workspace", f"{workspace}-file", "--from", file)
    assert result.exit_code == 0, result.output
    assert held(f"{workspace}-file") == LONG
