"""Projects of users for the tests of `setup` and `doctor`, in folders of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from sharedstate_ops.cli import app

CLIENT = Path(__file__).parents[2] / "client"
# Without the folder of an activated environment: what is on the PATH decides what setup writes.
PATH = "/usr/local/bin:/usr/bin:/bin"
MODULES = {"sharedstate": "sharedstate_ops", "sharedstate-hook": "sharedstate_agents.hook"}
TOML = '[subsystems]\nskeleton = ["parts/skeleton/**"]\n'


class Answer(NamedTuple):
    """What a command said, and its exit code."""

    exit_code: int
    stdout: str
    stderr: str


Run = Callable[..., Answer]


def sharedstate(*arguments: str) -> Answer:
    """Call the command line, without a terminal."""
    result = CliRunner().invoke(app, arguments)
    return Answer(result.exit_code, result.stdout, result.stderr)


def make_project(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """A git repository with these files, byte for byte."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    for name, text in (files or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder


def install_programs(folder: Path) -> None:
    """Our two programs, as an installation of the package leaves them in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, module in MODULES.items():
        program = folder / name
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH="{CLIENT}" exec "{sys.executable}" -m {module} "$@"\n'
        )
        program.chmod(0o755)


def snapshot(root: Path) -> dict[str, tuple[str, int, bytes]]:
    """Every file, folder and link below, but for git's and `.venv`: kind, mode, content."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in (".git", ".venv")]
        for name in (*folders, *files):
            path = Path(folder, name)
            if path.is_symlink():
                entry = ("link", 0, bytes(path.readlink()))
            elif path.is_dir():
                entry = ("folder", path.stat().st_mode, b"")
            else:
                entry = ("file", path.stat().st_mode, path.read_bytes())
            found[str(path.relative_to(root))] = entry
    return found


@dataclass
class Patient:
    """A project with a setup for Claude Code and a `.env` for a workspace of its own."""

    root: Path

    def examine(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code, and the findings by their check; of several, the last."""
        answer = self.run("doctor", "--json")
        document = json.loads(answer.stdout)
        assert document["ok"] == (answer.exit_code == 0)
        return answer.exit_code, {each["check"]: each for each in document["findings"]}

    def run(self, *arguments: str) -> Answer:
        """Call the command line in the project."""
        return sharedstate(*arguments, "--project", str(self.root))

    def set(self, **values: str) -> None:
        """Change values in `.env`."""
        path = self.root / ".env"
        lines = dict(line.split("=", 1) for line in path.read_text().splitlines())
        path.write_text("".join(f"{k}={v}\n" for k, v in (lines | values).items()))


def failed(findings: dict[str, dict[str, Any]]) -> list[str]:
    """The checks that failed. Each has a hint."""
    found = [check for check, each in findings.items() if each["status"] == "failed"]
    assert all(findings[check]["hint"] for check in found)
    return found
