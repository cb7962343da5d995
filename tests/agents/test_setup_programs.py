"""What `sharedstate setup` writes of our programs works for everybody who clones the repository."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.agents.projects import PATH, Run, install_programs, make_project, snapshot

from sharedstate_agents.setup.harnesses import HARNESSES


@pytest.mark.parametrize("activated", [False, True])
def test_programs_of_the_projects_own_environment_are_called_there(
    activated: bool, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_project(tmp_path / "p")
    install_programs(root / ".venv/bin")
    monkeypatch.setenv("PATH", f"{root}/.venv/bin:{PATH}" if activated else PATH)
    for harness in HARNESSES:
        run(root, harness, "--yes")
    servers = json.loads((root / ".mcp.json").read_text())["mcpServers"]
    program = "${CLAUDE_PROJECT_DIR:-.}/.venv/bin/sharedstate"
    assert servers["sharedstate"]["command"] == program
    settings = json.loads((root / ".claude/settings.json").read_text())
    handler = settings["hooks"]["SessionStart"][0]["hooks"][0]
    assert handler["command"] == "${CLAUDE_PROJECT_DIR}/.venv/bin/sharedstate-hook"
    texts = [path.read_text() for path in root.rglob(".[cg]*/*.*") if ".git" not in path.parts]
    assert len(texts) == 7 - 1
    assert not any(str(tmp_path) in text for text in texts)


@pytest.mark.parametrize("activated", [False, True])
def test_what_the_main_worktree_committed_is_right_in_another_one(
    activated: bool, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, other = make_project(tmp_path / "p", {".gitignore": ".venv\n"}), tmp_path / "other"
    install_programs(root / ".venv/bin")
    monkeypatch.setenv("PATH", f"{root}/.venv/bin:{PATH}" if activated else PATH)
    for harness in HARNESSES:
        assert run(root, harness, "--yes").exit_code == 0
    git = ("git", "-C", str(root), "-c", "user.name=n", "-c", "user.email=e")
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message=m"], check=True)
    subprocess.run([*git, "worktree", "add", "--quiet", "--detach", str(other)], check=True)
    before = snapshot(other)
    for harness in HARNESSES:
        answer = run(other, harness, "--check")
        assert (answer.exit_code, answer.stdout) == (0, f"{harness} is set up.\n")
        assert f"ln -s {root}/.venv" in answer.stderr
        assert "nothing to change" in run(other, harness, "--yes").stdout
    assert snapshot(other) == before
    (other / ".venv/bin").mkdir(parents=True)
    assert "ln -s" in run(other, "claude", "--check").stderr
    shutil.rmtree(other / ".venv")
    (other / ".venv").symlink_to(root / ".venv")
    assert "ln -s" not in run(other, "claude", "--check").stderr
