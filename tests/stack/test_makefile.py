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
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "make_venv.sh", tmp_path / "scripts")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("cat", "flock", "grep", "mkdir", "rm", "sed", "sh", "touch"):
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


def _environment(folder: Path, script: str, *names: str, made_for: Path | None = None) -> None:
    """A .venv whose programs are this script."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in names:
        program = programs / name
        program.write_text("#!/bin/sh\n" + script.replace("NAME", name) + "\n")
        program.chmod(0o755)
    (folder / ".venv" / ".made").write_text(f"{made_for or folder}\n")


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
    _environment(bare, "echo 'ERROR: no matching distribution' >&2; exit 1", "python")
    answer = _make(bare, "test")
    assert answer.returncode != 0
    assert "no matching distribution" in answer.stderr
    assert "check the network" in answer.stderr
    assert not (bare / ".venv" / ".installed").exists()


def test_nothing_is_installed_twice(bare: Path) -> None:
    _environment(bare, f'echo "NAME $*" >> "{bare}/calls"', "python", "sharedstate")
    for _ in range(2):
        assert _make(bare, "up").returncode == 0
    calls = (bare / "calls").read_text().splitlines()
    assert sum("pip install" in call for call in calls) == 1
    assert calls[-2:] == ["sharedstate up", "sharedstate up"]


def test_ports_given_to_make_reach_the_command(bare: Path) -> None:
    _environment(bare, f'echo "NAME $*" >> "{bare}/calls"', "python", "sharedstate")
    assert _make(bare, "up", "API_PORT=8100").returncode == 0
    assert _make(bare, "up", "API_PORT=8100", "DB_PORT=5500").returncode == 0
    calls = (bare / "calls").read_text().splitlines()
    assert calls[-2:] == [
        "sharedstate up --api-port 8100",
        "sharedstate up --db-port 5500 --api-port 8100",
    ]


@pytest.mark.parametrize("cores", [2, 12])
def test_the_tests_run_in_a_process_for_each_core_up_to_eight(bare: Path, cores: int) -> None:
    _environment(bare, f'echo "$*" >> "{bare}/calls"', "python")
    _python(bare, "nproc", f"echo {cores}")
    assert _make(bare, "test-all").returncode == 0
    *_, call = (bare / "calls").read_text().splitlines()
    # xdist itself takes the smaller of both.
    assert f"--numprocesses={cores} --maxprocesses=8 --dist=worksteal" in call


MAKES_IT = """
case "$*" in
  *--version*) echo Python 3.13.0;;
  "-m venv .venv") mkdir -p .venv/bin
    for name in python sharedstate; do
      printf '#!/bin/sh\\ntrue\\n' > .venv/bin/$name; chmod 755 .venv/bin/$name
    done;;
esac
"""


@pytest.mark.parametrize("stamp", [None, "/somewhere/else"], ids=["interrupted", "moved"])
def test_an_environment_that_is_not_whole_or_was_moved_is_made_anew(
    bare: Path, stamp: str | None
) -> None:
    (bare / "bin" / "chmod").symlink_to(shutil.which("chmod") or "")
    _environment(
        bare, "echo broken >&2; exit 1", "python", "sharedstate", made_for=Path(stamp or "")
    )
    if stamp is None:
        (bare / ".venv" / ".made").unlink()
    _python(bare, "python3.13", MAKES_IT)
    answer = _make(bare, "up")
    assert answer.returncode == 0, answer.stderr
    assert "making .venv with Python 3.13.0" in answer.stdout
    assert (bare / ".venv" / ".made").read_text() == f"{bare}\n"
    assert "making" not in _make(bare, "up").stdout


def test_clean_deletes_the_env_file_that_up_wrote_and_no_other(bare: Path) -> None:
    for text, stays in (("# Written by `sharedstate up`, ...\nA=1\n", False), ("A=1\n", True)):
        (bare / ".env").write_text(text)
        answer = _make(bare, "clean")
        assert answer.returncode == 0, answer.stderr
        assert (bare / ".env").exists() is stays


def test_clean_stops_what_it_deletes_whatever_home_the_environment_names(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = bare / "calls"
    _environment(bare, f'echo "$*" >> "{calls}"', "python")
    (bare / ".sharedstate").mkdir()
    (bare / ".sharedstate" / "state.json").write_text("{}")
    monkeypatch.setenv("SHAREDSTATE_HOME", "/somewhere/else")
    answer = _make(bare, "clean")
    assert answer.returncode == 0, answer.stderr
    assert calls.read_text() == "-m sharedstate_ops down --home .\n"
    assert not (bare / ".sharedstate").exists()


def test_clean_does_not_delete_the_data_below_a_server_that_it_cannot_stop(bare: Path) -> None:
    data = bare / ".sharedstate" / "postgres"
    data.mkdir(parents=True)
    (data / "postmaster.pid").write_text("1\n")
    answer = _make(bare, "clean")
    assert answer.returncode != 0
    assert "make down first" in answer.stderr
    assert data.exists()
