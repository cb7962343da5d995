"""What make says on machines that lack something. Nothing is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with the Makefile, and one as PATH with a shell's tools and no Python."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("rm", "touch", "sed", "mkdir"):
        (programs / name).symlink_to(shutil.which(name) or "")
    return tmp_path


def _make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    return subprocess.run(
        [make, *arguments],
        cwd=folder,
        env=dict(os.environ) | {"PATH": str(folder / "bin")},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def _python(folder: Path, name: str, script: str) -> None:
    program = folder / "bin" / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_a_machine_without_python_3_11_is_told_so(bare: Path) -> None:
    _python(bare, "python3", "exit 1")
    answer = _make(bare, "up")
    assert answer.returncode != 0
    assert "no Python 3.11 or newer found" in answer.stderr
    assert not (bare / ".venv").exists()


def test_a_python_that_cannot_make_environments_is_named(bare: Path) -> None:
    _python(bare, "python3.12", 'case "$2" in *ensurepip*) exit 1;; esac; exit 0')
    answer = _make(bare, "up")
    assert answer.returncode != 0
    assert "python3.12 cannot make a virtual environment" in answer.stderr
    assert "apt-get install python3-venv" in answer.stderr


def test_a_failing_pip_stops_with_what_to_check(bare: Path) -> None:
    venv = bare / ".venv" / "bin"
    venv.mkdir(parents=True)
    pip = venv / "python"
    pip.write_text("#!/bin/sh\necho 'ERROR: no matching distribution' >&2\nexit 1\n")
    pip.chmod(0o755)
    answer = _make(bare, "test")
    assert answer.returncode != 0
    assert "no matching distribution" in answer.stderr
    assert "check the network" in answer.stderr
    assert not (bare / ".venv" / ".installed").exists()


def test_nothing_is_installed_twice(bare: Path) -> None:
    venv = bare / ".venv" / "bin"
    venv.mkdir(parents=True)
    for name in ("python", "sharedstate"):
        program = venv / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{bare}/calls"\n')
        program.chmod(0o755)
    for _ in range(2):
        assert _make(bare, "up").returncode == 0
    calls = (bare / "calls").read_text().splitlines()
    assert sum("pip install" in call for call in calls) == 1
    assert calls[-2:] == ["sharedstate up", "sharedstate up"]


def test_ports_given_to_make_reach_the_command(bare: Path) -> None:
    venv = bare / ".venv" / "bin"
    venv.mkdir(parents=True)
    for name in ("python", "sharedstate"):
        program = venv / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{bare}/calls"\n')
        program.chmod(0o755)
    assert _make(bare, "up", "API_PORT=8100").returncode == 0
    assert _make(bare, "up", "API_PORT=8100", "DB_PORT=5500").returncode == 0
    calls = (bare / "calls").read_text().splitlines()
    assert calls[-2:] == [
        "sharedstate up --api-port 8100",
        "sharedstate up --db-port 5500 --api-port 8100",
    ]
