"""`sharedstate setup --git-hook` guards commits, and leaves others' hooks as they were."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.agents.projects import PATH, Run, install_programs, make_project


def test_the_guard_of_commits_comes_first_and_goes_again(tmp_path: Path, run: Run) -> None:
    theirs = "#!/usr/bin/env bash\necho checked\nexit 0\n"
    root = make_project(tmp_path / "p", {".git/hooks/pre-commit": theirs})
    hook = root / ".git/hooks/pre-commit"
    hook.chmod(0o755)
    assert run(root, "claude", "--yes", "--git-hook").exit_code == 0
    assert run(root, "claude", "--check", "--git-hook").exit_code == 0
    lines = hook.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert lines[-2:] == ["echo checked", "exit 0"]
    assert subprocess.run([hook], env={"PATH": PATH}, capture_output=True).stdout == b"checked\n"
    run(root, "claude", "--remove", "--yes")
    assert hook.read_text() == theirs


def test_a_commit_is_stopped_by_a_guard_that_says_no_in_every_worktree(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, other = make_project(tmp_path / "p", {".gitignore": ".venv\n"}), tmp_path / "other"
    guard = root / ".venv/bin/sharedstate-hook"
    install_programs(guard.parent)
    guard.write_text('#!/bin/sh\n[ "$1" = pre-commit ] && echo held >&2\nexit 1\n')
    monkeypatch.setenv("PATH", PATH)

    def git(folder: Path, *arguments: str) -> str:
        who = ("-c", "user.name=n", "-c", "user.email=e")
        done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True)
        return done.stderr if done.returncode else "done"

    commit = ("commit", "--quiet", "--allow-empty", "-m", "x")
    assert git(root, *commit) == git(root, "worktree", "add", str(other)) == "done"
    run(root, "claude", "--yes", "--git-hook")
    assert git(root, *commit) == git(other, *commit) == "held\n"
    run(root, "claude", "--remove", "--yes")
    assert not (root / ".git/hooks/pre-commit").exists()
    assert git(root, *commit) == "done"


def test_a_guard_in_another_language_is_left_to_its_user(tmp_path: Path, run: Run) -> None:
    root = make_project(tmp_path / "p", {".git/hooks/pre-commit": "#!/usr/bin/python3\n"})
    answer = run(root, "claude", "--yes", "--git-hook")
    assert answer.exit_code == 1
    assert "not a shell script" in answer.stderr
    assert not (root / ".mcp.json").exists()


def test_outside_and_below_a_repository_there_is_no_commit_to_guard(
    tmp_path: Path, run: Run
) -> None:
    below = make_project(tmp_path / "p") / "robot"
    below.mkdir()
    for folder in (tmp_path, below):
        answer = run(folder, "claude", "--yes", "--git-hook", "--project", str(folder))
        assert answer.exit_code == 1
        assert "not the root of a git repository" in answer.stderr
