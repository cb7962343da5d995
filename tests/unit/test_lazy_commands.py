"""A command loads its own module, and nothing that it does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module

import pytest

from sharedstate_ops.cli.commands import COMMANDS

# What takes long to load and a read of the database has no use for.
HEAVY = {"supabase", "postgrest", "httpx", "pydantic", "jwt", "http.client", "rich.progress"}
OTHERS = {
    "sharedstate_ops.stack.core",
    "sharedstate_ops.report",
    "sharedstate_ops.backup",
    "sharedstate_ops.importing.reading",
    "sharedstate.types",
}


def loaded_by(*arguments: str, database: str = "") -> tuple[set[str], str]:
    """The modules that a command has loaded when it ends, and what it printed."""
    program = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print('\\n' + json.dumps(sorted(sys.modules))))\n"
        "from sharedstate_ops.cli import app; app()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"DATABASE_URL": database},
        capture_output=True,
        text=True,
    )
    text, _, modules = answer.stdout.rstrip().rpartition("\n")
    return set(json.loads(modules)), text


def test_the_list_of_commands_loads_none_of_them() -> None:
    modules, text = loaded_by("--help")
    assert not modules & HEAVY
    assert "psycopg2" not in modules
    assert not modules & {command.function.partition(":")[0] for command in COMMANDS.values()}
    assert set(COMMANDS) <= set(text.split())


@pytest.mark.parametrize("name", ["locks", "conflicts", "log", "show", "budgets", "workspaces"])
def test_a_command_that_reads_the_database_loads_no_client_and_no_other_command(name: str) -> None:
    arguments = [name, "skeleton"] if name == "show" else [name]
    modules, _ = loaded_by(*arguments, "--home", "/nowhere")
    own = COMMANDS[name].function.partition(":")[0]
    assert {own, "psycopg2"} <= modules
    assert not modules & (HEAVY | OTHERS)
    others = {command.function.partition(":")[0] for command in COMMANDS.values()} - {own}
    assert not modules & others


def test_a_command_on_a_database_of_others_loads_nothing_that_runs_a_stack() -> None:
    modules, _ = loaded_by("locks", "--home", "/nowhere", database="no address")
    assert "psycopg2" in modules
    assert not modules & {"psutil", "secrets", "sharedstate_ops.stack.state"}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_of_the_table_is_there_and_says_what_it_does(name: str) -> None:
    module, _, function = COMMANDS[name].function.partition(":")
    assert getattr(import_module(module), function).__doc__
    assert COMMANDS[name].help.endswith(".")
    assert len(COMMANDS[name].help) <= 60
