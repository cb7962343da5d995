"""Projects of users for the tests of `setup` and `doctor`, in folders of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from typer.testing import CliRunner

from sharedstate_ops.cli import app

CLIENT = Path(__file__).parents[2] / "client"
# Without the folder of an activated environment: what is on the PATH decides what setup writes.
PATH = "/usr/local/bin:/usr/bin:/bin"
MODULES = {"sharedstate": "sharedstate_ops", "sharedstate-hook": "sharedstate_agents.hook"}


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
