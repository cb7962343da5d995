"""The commands of every day on a real stack: what they say, change and refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from tests.command_line import Command
from tests.stack.installation import PROGRAM

from sharedstate import SharedState, errors
from sharedstate_ops.stack import StackInfo


def mass_of(state: SharedState, subsystem: str) -> float:
    """What is allocated to it."""
    constraints = state.get_global_constraints()
    assert constraints
    mass: float = constraints["budget_allocations"][subsystem]["mass_kg"]
    return mass


def test_locks_shows_who_holds_what_and_with_mine_only_ones_own(
    command: Command, design: SharedState
) -> None:
    design.acquire_lock("document", "notes", "anna")
    shown = command("locks").stdout
    assert "power_agent" in shown
    assert "anna" in shown
    mine = command("locks", "--mine", "--as", "anna").stdout
    assert "anna" in mine
    assert "power_agent" not in mine
    assert command("locks", "--mine", "--as", "nobody").stdout == "no locks.\n"


def test_a_lock_of_ones_own_is_released(command: Command, state: SharedState) -> None:
    state.acquire_lock("document", "notes", "anna")
    assert command("release", "notes", "--type", "document", "--as", "anna").exit_code == 0
    assert state.get_lock("document", "notes") is None


def test_a_lock_of_another_is_released_by_force_alone_and_the_log_says_why(
    command: Command, design: SharedState
) -> None:
    refused = command("release", "power", "--as", "anna")
    assert refused.exit_code == 1
    assert "held by power_agent, not by anna" in refused.output
    assert "--force --reason" in refused.output
    assert design.get_lock("subsystem", "power")
    forced = command("release", "power", "--as", "anna", "--force", "--reason", "it hangs")
    assert forced.exit_code == 0
    (entry,) = design.get_recent_activity(1)
    assert (entry["agent_name"], entry["activity"]) == ("anna", "lock_forced")
    assert entry["details"]["reason"] == "it hangs"
    assert design.get_lock("subsystem", "power") is None


@pytest.mark.parametrize("more", [[], ["--force", "--reason", "why not"]])
def test_releasing_what_is_not_locked_is_an_error_that_says_so(
    command: Command, state: SharedState, more: list[str]
) -> None:
    answer = command("release", "skeletn", *more)
    assert answer.exit_code == 1
    assert "subsystem skeletn is not locked" in answer.output


@pytest.mark.parametrize("option", [["--force"], ["--reason", "it hangs"]])
def test_force_and_reason_go_together(
    command: Command, design: SharedState, option: list[str]
) -> None:
    assert command("release", "power", *option).exit_code == 2
    assert design.get_lock("subsystem", "power")


def test_conflicts_are_listed_shown_with_their_history_and_resolved(
    command: Command, design: SharedState
) -> None:
    listed = command("conflicts").stdout
    assert "Cells too heavy" in listed
    assert "power_agent" in command("conflicts", "--agent", "shell_agent").stdout
    number = design.get_active_conflicts("shell_agent")[0]["conflict_id"]
    assert command("resolve", number, "lighter cells", "--as", "anna").exit_code == 0
    shown = command("conflict", number).stdout
    assert "resolved by anna: lighter cells" in shown
    assert "opened" in shown
    assert (
        command("conflicts", "--agent", "shell_agent").stdout
        == "no open conflicts of shell_agent.\n"
    )
    again = command("resolve", number, "once more")
    assert again.exit_code == 1
    assert "conflict_already_resolved" in again.output


def test_a_conflict_is_resolved_with_a_transfer_or_not_at_all(
    command: Command, design: SharedState
) -> None:
    conflict = design.get_active_conflicts("actuation")[0]
    number = conflict["conflict_id"]
    too_much = ["--transfer", "reserve", "actuation", "--mass-kg", "1000"]
    refused = command("resolve", number, "more mass", *too_much)
    assert refused.exit_code == 1
    assert "over_budget" in refused.output
    assert design.get_active_conflicts("actuation")
    enough = ["--transfer", "reserve", "actuation", "--mass-kg", "0.6"]
    resolved = command("resolve", number, "more mass", *enough)
    assert resolved.exit_code == 0
    assert "Moved 0.6 kg from reserve to actuation." in resolved.output
    assert mass_of(design, "actuation") == 12.6


@pytest.mark.parametrize(
    "options", [["--transfer", "reserve", "power"], ["--mass-kg", "1"], ["--mass-kg", "-1"]]
)
def test_a_transfer_without_an_amount_or_the_reverse_is_refused_before_anything_is_done(
    command: Command, design: SharedState, options: list[str]
) -> None:
    assert command("resolve", 1, "so be it", *options).exit_code == 2


def test_budgets_are_shown_and_moved(command: Command, design: SharedState) -> None:
    shown = command("budgets").stdout
    assert "actuation" in shown
    assert "reserve" in shown
    done = command(
        "transfer", "reserve", "power", "--mass-kg", "0.004", "--reason", "cells", "--as", "anna"
    )
    assert "moved 0.004 kg from reserve to power" in done.stdout
    assert mass_of(design, "power") == 8.004
    refused = command("transfer", "reserve", "powr", "--mass-kg", "0.5", "--reason", "cells")
    assert refused.exit_code == 1
    assert "no known subsystem" in refused.output
    assert command("transfer", "reserve", "power", "--reason", "none").exit_code == 2


def test_the_log_is_filtered_and_has_the_newest_entry_last(
    command: Command, state: SharedState
) -> None:
    for number in range(4):
        state.log_agent_activity("skeleton_agent", "bone_designed", {"n": number})
    state.log_agent_activity("power_agent", "started")
    lines = command("log", "-n", 2, "--agent", "skeleton_agent").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["2", "3"]
    assert "power_agent" in command("log", "--activity", "started").stdout
    assert len(command("log", "--since", "1h").stdout.splitlines()) >= 5
    assert command("log", "--since", "never").exit_code == 2


def test_show_has_the_status_lock_conflicts_and_documents_of_a_subsystem(
    command: Command, design: SharedState
) -> None:
    shown = command("show", "power").stdout
    assert "locked by power_agent" in shown
    assert "Cells too heavy" in shown
    shown = command("show", "skeleton").stdout
    assert "12.5 of 15 kg" in shown
    assert "design version 2 by skeleton_agent" in shown


def test_show_has_a_document_a_version_of_it_and_what_differs(
    command: Command, design: SharedState
) -> None:
    assert '"femur_m": 0.45' in command("show", "skeleton", "--document", "design").stdout
    first = command("show", "skeleton", "--document", "design", "--version", 1).stdout
    assert '"femur_m": 0.4\n' in first
    diff = ["--document", "design", "--version", 2, "--diff", 1]
    (line,) = [
        line for line in command("show", "skeleton", *diff).stdout.splitlines() if "/" in line
    ]
    assert line.split() == ["/bones/femur_m", "changed", "0.4", "0.45"]
    assert command("show", "skeleton", "--diff", 1).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "skeletn"], "Did you mean skeleton?"),
        (["show", "skeleton", "--document", "interfaces"], "skeleton has no interfaces"),
        (["show", "skeleton", "--document", "design", "--version", "9"], "no design version 9"),
        (["conflict", "99"], "unknown_conflict"),
        (["locks", "--workspace", "nowhere"], "sharedstate init --workspace"),
        (["watch"], "sharedstate watch --once"),
    ],
)
def test_an_error_says_what_to_do(
    command: Command, design: SharedState, arguments: list[str], said: str
) -> None:
    answer = command(*arguments)
    assert answer.exit_code == 1
    assert said in answer.output
    assert answer.stdout == ""


def test_workspaces_lists_every_design(command: Command, workspace: str) -> None:
    assert workspace in command("workspaces").stdout


def test_the_workspace_is_that_of_the_option_else_of_the_environment_else_of_the_env_file(
    command: Command,
    environment: dict[str, str],
    workspace: str,
    design: SharedState,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SHAREDSTATE_WORKSPACE", raising=False)
    del environment["SHAREDSTATE_WORKSPACE"]
    env_file = Path(environment["SHAREDSTATE_HOME"]) / ".env"
    env_file.write_text(f"SHAREDSTATE_WORKSPACE={workspace}\n")
    assert "power_agent" in command("locks").stdout
    assert "power_agent" not in command("locks", "-w", "default").stdout
    environment["SHAREDSTATE_WORKSPACE"] = "default"
    assert "power_agent" not in command("locks").stdout


def test_a_database_that_is_not_there_is_a_clear_error(
    command: Command, environment: dict[str, str], stack: StackInfo
) -> None:
    environment["DATABASE_URL"] = "postgresql://postgres@127.0.0.1:1/none"
    answer = command("locks")
    assert answer.exit_code == 1
    assert "does not answer" in answer.output
    assert "check DATABASE_URL" in answer.output
    environment["DATABASE_URL"] = stack.database_url.replace("postgres:", "postgres:x", 1)
    answer = command("locks")
    assert answer.exit_code == 1
    assert "refuses us" in answer.output
    assert "Is it running?" not in answer.output


def test_a_workspace_of_the_environment_is_exported_and_an_empty_name_refused(
    command: Command, environment: dict[str, str], design: SharedState, workspace: str
) -> None:
    environment["SHAREDSTATE_WORKSPACE"] = workspace
    assert command("export").json["workspace"] == workspace
    assert command("locks", "--workspace", "").exit_code == 1
    assert command("conflict", "9" * 30).exit_code == 2
    assert command("watch", "--json", "--agent", "power_agent").exit_code == 2
    assert "Did you mean power" in command("watch", "--once", "--subsystem", "powr").output


def test_behind_a_transaction_that_somebody_left_open_no_command_waits_for_ever(
    command: Command, stack: StackInfo, design: SharedState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharedstate_ops.cli.session.LOCK_TIMEOUT", "100ms")
    with psycopg.connect(stack.database_url) as somebody:
        somebody.execute("select from public.agent_locks for update")
        answer = command("release", "power", "--force", "--reason", "it hangs")
        somebody.rollback()
    assert answer.exit_code == 1
    assert "lock timeout" in answer.output
    assert "Try again" in answer.output


def test_the_person_is_in_the_log_by_the_name_that_was_given(
    command: Command, design: SharedState
) -> None:
    number = design.get_active_conflicts("shell_agent")[0]["conflict_id"]
    command("resolve", number, "so be it", "--as", "Fuß links")
    with pytest.raises(errors.ConflictAlreadyResolved) as caught:
        design.resolve_conflict(number, "again", "anna")
    assert caught.value.detail["resolved_by"] == "Fuß links"


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("sharedstate re", {"restore", "release", "resolve", "report"}),
        ("sharedstate locks --m", {"--mine"}),
        ("sharedstate show skeleton --document i", {"interfaces"}),
    ],
)
def test_the_shell_completes_commands_options_and_choices(
    tmp_path: Path, typed: str, completed: set[str]
) -> None:
    # Shells ask by the name of the program.
    program = tmp_path / "sharedstate"
    program.write_text(f"#!{sys.executable}\n{PROGRAM}\n")
    program.chmod(0o755)
    asked = {
        "_SHAREDSTATE_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    answer = subprocess.run(
        [program], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert set(answer.stdout.split()) == completed
