"""As whom the servers run, and from which folders."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.stack.installation import Installation

from sharedstate_ops.stack.core import PARTS

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def without_namespaces(installation: Installation, tmp_path: Path) -> Installation:
    """As in a container that forbids user namespaces: `unshare` fails."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "unshare"
    program.write_text("#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
    program.chmod(0o755)
    installation.environment["PATH"] = f"{folder}:{os.environ['PATH']}"
    return installation


@needs_root
def test_root_without_user_namespaces_runs_the_servers_as_another_user(
    without_namespaces: Installation,
) -> None:
    # What the home is may not matter: nobody but root can enter this one.
    without_namespaces.root.chmod(0o700)
    answer = without_namespaces.up()
    assert answer.returncode == 0, answer.stderr
    assert "user namespaces are not allowed here" in answer.stderr
    for name in PARTS:
        assert psutil.Process(without_namespaces.part(name).pid).uids().real != 0
    data = without_namespaces.root / ".sharedstate/postgres"
    assert data.is_symlink()
    assert data.stat().st_mode & 0o777 == 0o700


@needs_root
def test_data_moved_for_another_user_survives_and_recovers(
    without_namespaces: Installation,
) -> None:
    without_namespaces.up()
    without_namespaces.run("init", "--workspace", "kept")
    without_namespaces.kill("postgres")
    assert "kept" in without_namespaces.up().stdout
    without_namespaces.run("down")
    # Now allowed again: the data stays with the user that owns it.
    del without_namespaces.environment["PATH"]
    answer = without_namespaces.up()
    assert answer.returncode == 0, answer.stderr
    assert "kept" in answer.stdout
    assert psutil.Process(without_namespaces.part("postgres").pid).uids().real != 0


@needs_root
def test_data_of_root_where_user_namespaces_are_no_longer_allowed_is_an_error_and_stays(
    without_namespaces: Installation,
) -> None:
    path = without_namespaces.environment.pop("PATH")
    without_namespaces.up()
    without_namespaces.run("init", "--workspace", "kept")
    without_namespaces.run("down")
    without_namespaces.environment["PATH"] = path
    answer = without_namespaces.up()
    assert answer.returncode == 1
    assert "which needs user namespaces" in answer.stderr
    assert f"an ordinary user who owns all of {without_namespaces.root}" in answer.stderr
    del without_namespaces.environment["PATH"]
    assert "kept" in without_namespaces.up().stdout


@needs_root
def test_what_the_other_user_puts_into_the_run_folder_makes_root_overwrite_or_give_away_nothing(
    without_namespaces: Installation, tmp_path: Path
) -> None:
    without_namespaces.up()
    without_namespaces.run("down")
    run = (without_namespaces.root / ".sharedstate/run").resolve()
    nobody = pwd.getpwnam("nobody")
    # As an earlier version left it, with links as any process of that user could put there.
    os.chown(run, nobody.pw_uid, nobody.pw_gid)
    names = ("gateway.conf", "nginx.conf", "postgrest.conf")
    for name in names:
        (tmp_path / name).write_text("root's")
        (run / name).unlink()
        (run / name).symlink_to(tmp_path / name)
    answer = without_namespaces.up()
    for name in names:
        assert (tmp_path / name).read_text() == "root's"
        assert (tmp_path / name).stat().st_uid == 0
    assert answer.returncode == 0, answer.stderr
    assert run.stat().st_uid == 0
    assert run.stat().st_mode & 0o777 == 0o755
    # What has passwords in it is no other user's to read.
    assert (run / "postgrest.conf").stat().st_mode & 0o777 == 0o600


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
    installation: Installation,
) -> None:
    installation.prefix = _ordinary_user(installation.root)
    # Wherever it is, somebody without a home of its own has to get by.
    installation.environment["HOME"] = "/nonexistent"
    answer = installation.up()
    assert answer.returncode == 0, answer.stderr
    assert installation.run("status").returncode == 0
    assert not (installation.root / ".sharedstate/postgres").is_symlink()
    assert installation.run("down").returncode == 0


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


@needs_root
def test_a_home_whose_moved_data_was_deleted_starts_afresh(
    without_namespaces: Installation,
) -> None:
    without_namespaces.up()
    without_namespaces.run("down")
    shutil.rmtree((without_namespaces.root / ".sharedstate/run").resolve().parent)
    answer = without_namespaces.up()
    assert answer.returncode == 0, answer.stderr
    assert "making the database" in answer.stderr
