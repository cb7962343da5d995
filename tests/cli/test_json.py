"""With --json a command prints what docs/commands.md says, whatever is in the names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.cli.conftest import HOSTILE
from tests.command_line import Command

from sharedstate import SharedState, types
from sharedstate.board import Board
from sharedstate_ops.cli.commands import COMMANDS

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
LOG_ROW = set(types.ActivityRow.__annotations__)
REPORT = {
    "workspace",
    "begins_at",
    "ends_at",
    "server_time",
    "subsystems",
    "agents",
    "waits",
    "waiting_now",
    "lock_events",
    "conflicts",
    "versions",
    "budgets",
}


def keys(rows: list[dict[str, Any]]) -> set[str]:
    """The keys of all rows, of which there is at least one."""
    assert rows
    return set().union(*rows)


def test_each_command_prints_rows_as_the_tables_have_them(
    command: Command, design: SharedState
) -> None:
    board = command("locks", "--json").json
    assert set(board) == {"server_time", "leases", "queue"}
    assert keys(board["leases"]) == set(types.LockRow.__annotations__)
    conflicts = command("conflicts", "--json").json
    assert keys(conflicts) == set(types.ConflictRow.__annotations__)
    number = conflicts[0]["conflict_id"]
    one = command("conflict", number, "--json").json
    assert one["conflict"] == conflicts[0]
    assert keys(one["history"]) == set(types.ConflictEventRow.__annotations__)
    assert keys(command("budgets", "--json").json) == set(types.BudgetUsageRow.__annotations__)
    workspaces = command("workspaces", "--json").json
    assert keys(workspaces) == {
        "name", "created_at", "subsystems", "complete", "open_conflicts"
    }  # fmt: skip
    assert set(command("watch", "--json").json) == set(Board.__annotations__)
    assert set(command("report", "--json").json) == REPORT


def test_a_subsystem_its_documents_and_what_differs(command: Command, design: SharedState) -> None:
    shown = command("show", "skeleton", "--json").json
    assert set(shown) == {"status", "documents", "conflicts", "lock"}
    assert set(shown["status"]) == set(types.SystemStatusRow.__annotations__)
    assert keys(shown["documents"]) == {"document", "version", "created_by", "created_at"}
    assert set(shown["lock"]) == {"resource_type", "resource_name", "holder", "queue"}
    document = ["show", "skeleton", "--document", "design", "--json"]
    assert command(*document).json == design.get_subsystem_design("skeleton")
    (change,) = command(*document, "--diff", 1).json
    assert change == {"path": "/bones/femur_m", "change": "changed", "old": 0.4, "new": 0.45}


def test_what_changes_something_prints_the_row_that_it_wrote(
    command: Command, design: SharedState
) -> None:
    moved = command(
        "transfer", "reserve", "power", "--mass-kg", "0.5", "--reason", "cells", "--json"
    ).json
    assert moved == design.get_global_constraints()
    number = design.get_active_conflicts("shell_agent")[0]["conflict_id"]
    assert command("resolve", number, "done", "--json").json["status"] == "resolved"
    force = ["--force", "--reason", "it hangs", "--json"]
    assert command("release", "power", *force).json["locked_by"] == "power_agent"


def test_the_log_is_one_line_of_json_for_each_entry(command: Command, state: SharedState) -> None:
    state.log_agent_activity("a", "first", {"text": "two\nlines", "amount": 0.1})
    state.log_agent_activity("a", "second")
    lines = command("log", "--agent", "a", "--json").stdout.splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["activity"] for entry in entries] == ["first", "second"]
    assert entries[0]["details"] == {"text": "two\nlines", "amount": 0.1}
    assert keys(entries) == LOG_ROW


def test_names_and_documents_cannot_act_on_a_terminal(command: Command, state: SharedState) -> None:
    escape = "\x1b[2J\x9b2J\r"
    state.update_subsystem_status(HOSTILE, {"state": HOSTILE})
    state.update_subsystem_design(HOSTILE, {"text": escape, escape: HOSTILE}, HOSTILE)
    state.log_conflict("low", HOSTILE, HOSTILE, "see\n\tbelow", details={"text": escape})
    state.log_agent_activity(HOSTILE, HOSTILE, {escape: escape})
    state.acquire_lock("document", HOSTILE, HOSTILE)
    for arguments in (
        ["locks"],
        ["conflicts"],
        ["conflict", "1"],
        ["log"],
        ["budgets"],
        ["show", HOSTILE],
        ["show", HOSTILE, "--document", "design"],
        ["watch", "--once"],
        ["report"],
    ):
        answer = command(*arguments)
        assert answer.exit_code == 0, answer.output
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", answer.output), arguments
        if arguments[0] != "budgets":
            assert "[red]" in answer.output.replace("\n", ""), arguments
        if arguments[0] != "watch":
            printed = command(*arguments, "--json").stdout
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", printed), arguments
    refused = command("show", f"{HOSTILE}{escape}")
    assert refused.exit_code == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", refused.output)


def test_the_page_on_commands_has_each_of_them_and_no_other() -> None:
    documented = set(re.findall(r"^## `sharedstate ([a-z]+)", PAGE.read_text(), re.MULTILINE))
    assert documented <= set(COMMANDS)
    with_json = {"locks", "release", "conflicts", "conflict", "resolve", "log", "show", "budgets"}
    assert documented >= with_json | {"transfer", "workspaces", "watch", "report"}
