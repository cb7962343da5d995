"""As whom the servers run, and from which folders."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.stack.installation import Installation

from sharedstate_ops.stack.state import PARTS

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def without_namespaces(new_installation: Installation, tmp_path: Path) -> Installation:
    """As in a container that forbids user namespaces: `unshare` fails."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "unshare"
    program.write_text("#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
    program.chmod(0o755)
    new_installation.environment["PATH"] = f"{folder}:{os.environ['PATH']}"
    return new_installation


@needs_root
def test_root_without_user_namespaces_runs_the_servers_as_another_user(
    without_namespaces: Installation,
) -> None:
    # What the home is may not matter: nobody but root can enter this one.
    without_namespaces.root.chmod(0o700)
    answer = without_namespaces.up()
    assert answer.returncode == 0, answer.stderr
    for name in PARTS:
        process = without_namespaces.process(name)
        assert process.uids().real == process.uids().effective == pwd.getpwnam("nobody").pw_uid
        status = Path(f"/proc/{process.pid}/status").read_text()
        # To pass by the modes of files, and nothing else.
        assert {line.split()[1] for line in status.splitlines() if line.startswith("Cap")} == {
            f"{1 << 1:016x}"
        }
    data = without_namespaces.root / ".sharedstate/postgres"
    assert data.stat().st_mode & 0o777 == 0o700


@needs_root
def test_data_survives_whether_user_namespaces_are_allowed_the_next_time_or_not(
    without_namespaces: Installation,
) -> None:
    forbidding = without_namespaces.environment["PATH"]
    without_namespaces.up()
    without_namespaces.run("init", "--workspace", "kept")
    without_namespaces.kill("postgres")
    for path in (os.environ["PATH"], forbidding):
        without_namespaces.environment["PATH"] = path
        answer = without_namespaces.up()
        assert answer.returncode == 0, answer.stderr
        assert "kept" in answer.stdout
        status = without_namespaces.run("status")
        assert status.returncode == 0, status.stdout
        without_namespaces.run("down")


@needs_root
def test_root_without_a_way_to_run_as_another_user_is_told_so(
    without_namespaces: Installation,
) -> None:
    folder = Path(without_namespaces.environment["PATH"].split(":")[0])
    shutil.copy(folder / "unshare", folder / "setpriv")
    answer = without_namespaces.up()
    assert answer.returncode == 1
    assert "neither `unshare` nor `setpriv`" in answer.stderr
    assert "Run as an ordinary user" in answer.stderr


def _ordinary_user(folder: Path) -> tuple[str, ...]:
    """A command prefix for an ordinary user who can run our Python and write to `folder`."""
    nobody = pwd.getpwnam("nobody")
    real = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    check = "import os, sys, sharedstate_ops.cli; sys.exit(not os.access(sys.argv[1], os.W_OK))"
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    if _succeeds([*real, sys.executable, "-c", check, str(folder)]):
        return real
    # Python lies below root's own home, say: the same user in a namespace of its own.
    os.chown(folder, 0, 0)
    mapped = ("unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}")
    if _succeeds([*mapped, sys.executable, "-c", check, str(folder)]):
        return mapped
    pytest.skip("no ordinary user can run this Python here")


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=30).returncode == 0
    except OSError:
        return False


@needs_root
def test_an_ordinary_user_starts_everything_without_any_prefix(
    new_installation: Installation,
) -> None:
    new_installation.prefix = _ordinary_user(new_installation.root)
    # Wherever it is, somebody without a home of its own has to get by.
    new_installation.environment["HOME"] = "/nonexistent"
    answer = new_installation.up()
    assert answer.returncode == 0, answer.stderr
    assert new_installation.run("status").returncode == 0
    assert not (new_installation.root / ".sharedstate/postgres").is_symlink()
    assert new_installation.run("down").returncode == 0


@needs_root
def test_the_stack_of_another_user_is_refused_with_the_name(installation: Installation) -> None:
    nobody = pwd.getpwnam("nobody")
    folder = installation.root / ".sharedstate"
    folder.mkdir()
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    answer = installation.up()
    os.chown(folder, 0, 0)
    assert answer.returncode == 1
    assert "belongs to the user nobody" in answer.stderr


def test_a_deep_private_home_with_odd_characters_works(tmp_path: Path) -> None:
    from tests.stack.installation import clean_up

    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    root = private.joinpath("a b", "$HOME 'quoted' \"twice\"; {x}", *(["deep" * 12] * 6))
    root.mkdir(parents=True)
    installation = Installation(root)
    try:
        answer = installation.up()
        assert answer.returncode == 0, answer.stderr
        assert len(str(root)) > 300
        assert installation.run("status").returncode == 0
    finally:
        clean_up(root)
