"""The git guard: a commit does not change what another agent holds."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from tests.agents.hook_support import FEMUR, SESSION, Harness
from tests.sql.support import Api


class Repository:
    """A real repository with the guard as its pre-commit hook."""

    def __init__(self, harness: Harness) -> None:
        self.folder = harness.folder
        self.harness = harness
        quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        self.environment = harness.environment | quiet
        del self.environment["CLAUDE_PROJECT_DIR"]
        self.git("init", "-q")
        self.git("config", "user.name", "Ada Löwe")
        self.git("config", "user.email", "ada@example.com")
        (self.folder / ".gitignore").write_text(".env\n.sharedstate/\n")
        self.write(FEMUR, "README.md", "parts/power/cell.py")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "Begin")
        guard = self.folder / ".git" / "hooks" / "pre-commit"
        guard.write_text(
            f"#!/bin/sh\nexec '{sys.executable}' -m sharedstate_agents.hook pre-commit\n"
        )
        guard.chmod(0o755)

    def write(self, *paths: str) -> None:
        """Change these files."""
        for path in paths:
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(file.read_text() + "x" if file.exists() else "x")

    def git(self, *arguments: str, folder: Path | None = None) -> None:
        """Run git; it has to succeed."""
        subprocess.run(
            ["git", *arguments],
            cwd=folder or self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
        )

    def commit(self, folder: Path | None = None, /, **environment: str) -> tuple[int, str]:
        """Commit what is staged; the status and what was said."""
        done = subprocess.run(
            ["git", "commit", "-q", "-m", "Change"],
            cwd=folder or self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr


@pytest.fixture
def repository(harness: Harness) -> Repository:
    """A project with the subsystems skeleton and power, and one commit."""
    return Repository(harness)


def test_a_commit_of_what_another_agent_holds_is_refused_and_says_who_was_seen(
    repository: Repository, api: Api
) -> None:
    api.lock(execution_id="cc:other:main")
    repository.write(FEMUR, "README.md")
    repository.git("add", ".")
    status, said = repository.commit()
    assert status == 1
    assert f"{FEMUR}: skeleton_agent holds skeleton (execution cc:other:main) for " in said
    assert "you were taken for the git user Ada Löwe." in said
    status, said = repository.commit(CLAUDE_CODE_SESSION_ID=SESSION)
    assert status == 1
    assert f"you were taken for the session {SESSION} (CLAUDE_CODE_SESSION_ID)." in said
    # Only what is staged counts.
    repository.git("restore", "--staged", FEMUR)
    assert repository.commit() == (0, "")


def test_who_holds_it_may_commit_by_session_by_agent_or_by_name(
    repository: Repository, api: Api
) -> None:
    holders = [
        ("skeleton_agent", f"cc:{SESSION}:a1", {"CLAUDE_CODE_SESSION_ID": SESSION}),
        ("skeleton_agent", "run-1", {"SHAREDSTATE_AGENT": "skeleton_agent"}),
        ("Ada Löwe", "by hand", {}),
    ]
    for agent_name, execution, environment in holders:
        api.lock(agent_name=agent_name, execution_id=execution)
        repository.write(FEMUR)
        repository.git("add", ".")
        assert repository.commit(**environment) == (0, ""), agent_name
        api.do("release_execution", execution_id=execution)


def test_removing_and_renaming_a_file_changes_it_too(repository: Repository, api: Api) -> None:
    api.lock()
    repository.git("mv", FEMUR, "femur.py")
    assert repository.commit()[0] == 1
    repository.git("reset", "-q", "--hard")
    repository.git("rm", "-q", FEMUR)
    assert repository.commit()[0] == 1


def test_a_commit_in_a_worktree_is_guarded_too(
    repository: Repository, api: Api, tmp_path_factory: pytest.TempPathFactory
) -> None:
    worktree = tmp_path_factory.mktemp("worktrees") / "a1"
    repository.git("worktree", "add", "-q", str(worktree))
    api.lock()
    (worktree / FEMUR).write_text("changed")
    repository.git("add", ".", folder=worktree)
    status, said = repository.commit(worktree)
    assert (status, "skeleton_agent holds skeleton" in said) == (1, True)


def test_names_of_files_in_any_script_are_found(repository: Repository, api: Api) -> None:
    api.lock()
    repository.write('parts/skeleton/Fuß "links"\n.py')
    repository.git("add", ".")
    assert repository.commit()[0] == 1


def test_a_commit_that_cannot_be_checked_is_made_and_says_so(repository: Repository) -> None:
    repository.write(FEMUR)
    repository.git("add", ".")
    status, said = repository.commit(SUPABASE_URL="http://127.0.0.1:1")
    assert status == 0
    assert "sharedstate: the commit was not checked: unreachable: http://127.0.0.1:1" in said
    assert [failure["event"] for failure in repository.harness.failures] == ["pre-commit"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"<html>", "unreachable: The answer is not that of a database."), (b"[]", "TypeError in ")],
)
def test_another_program_at_the_address_stops_no_commit(
    repository: Repository, body: bytes, reason: str
) -> None:
    repository.write(FEMUR)
    repository.git("add", ".")
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def answer() -> None:
            with closing(server.accept()[0]) as connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + body)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        status, said = repository.commit(SUPABASE_URL=url)
        thread.join()
    assert status == 0
    assert f"sharedstate: the commit was not checked: {reason}" in said


def test_a_commit_without_files_of_a_subsystem_needs_no_database(repository: Repository) -> None:
    repository.write("README.md")
    repository.git("add", ".")
    assert repository.commit(SUPABASE_URL="http://127.0.0.1:1") == (0, "")


def test_what_fails_in_a_worktree_is_noted_in_the_main_one(
    repository: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    worktree = tmp_path_factory.mktemp("worktrees") / "a1"
    repository.git("worktree", "add", "-q", str(worktree))
    in_worktree = {"CLAUDE_PROJECT_DIR": str(worktree)}
    repository.harness.feed("PreToolUse", b"", in_worktree)
    assert [failure["event"] for failure in repository.harness.failures] == ["PreToolUse"]
    assert not (worktree / ".sharedstate").exists()
