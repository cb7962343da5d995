"""`sharedstate backup` and `restore`: all that was saved comes back, or nothing is changed."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from itertools import islice
from pathlib import Path

import pytest
from tests.operations.backups import ROWS, load, save
from tests.operations.databases import Database, MakeDatabase
from tests.stack.installation import Installation

from sharedstate import SharedState
from sharedstate_ops.backup import Backup, archive, backing_up, restoring
from sharedstate_ops.stack import Stack, StackError


def test_what_is_restored_is_what_was_saved_with_schema_privileges_and_comments(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    used.make_workspace("Fuß links, 100% *")
    assert used.conflict("Fuß links, 100% *") == 1
    rows = used.one(ROWS)
    made = save(used, tmp_path / "saved")
    target = database(empty=True)
    assert len(load(target, made.path)) == made.tables
    assert target.one(ROWS) == rows
    # But for the first numbers of what the backup does not know.
    number = re.compile(r"\b(last_\w+|version) (bigint|integer) DEFAULT (\d+)")
    restored = [number.sub(r"\1 \2", line) for line in target.schema()]
    assert restored == [number.sub(r"\1 \2", line) for line in used.schema()]
    assert target.migrate() == []
    # What is made later gets no more rights than after the migrations.
    for each in (used, target):
        with each.connect() as connection:
            connection.execute("create function public.later() returns int return 1")
        assert not each.one("select has_function_privilege('anon', 'public.later()', 'execute')")


def test_leases_end_and_the_restore_is_in_the_log(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    held = used.one(
        """select fencing_token from acquire_lock(
             'subsystem', 'power', 'tester', 'execution-1', 3600)"""
    )
    used.one(
        """select count(*) from acquire_lock('subsystem', 'power', 'waiter', 'execution-2',
             wait_seconds => 3600, request_id => gen_random_uuid())"""
    )
    used.one(
        """update core.lock_tickets set
             created_at = created_at - interval '1 minute', alive_until = 'infinity'
           returning true"""
    )
    save(used, tmp_path / "saved")
    target = database(empty=True)
    load(target, tmp_path / "saved")
    assert target.one("select count(*) from agent_locks") == 0
    assert target.one("select count(*) from lock_queue") == 0
    assert not target.one(
        "select exists (select from agent_activity_logs where agent_name = 'waiter')"
    )
    assert target.token("power") > held
    query = "select count(*) from agent_activity_logs where activity = 'database_restored'"
    assert target.one(query) == 2


def test_a_database_that_holds_data_is_only_replaced_when_it_is_said(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    save(used, tmp_path / "saved")
    before = used.one(ROWS)
    with pytest.raises(StackError, match=r"holds data.*\n.*--force"):
        load(used, tmp_path / "saved")
    assert used.one(ROWS) == before
    # The defaults that `sharedstate up` makes are no data.
    fresh = database()
    load(fresh, tmp_path / "saved")
    assert fresh.one(ROWS) == before
    used.write_status("power", "complete")
    load(used, tmp_path / "saved", force=True)
    assert used.one(ROWS) == before
    # A restored database can be saved and restored again.
    save(used, tmp_path / "second")
    load(fresh, tmp_path / "second", force=True)
    assert fresh.one(ROWS)["subsystems"] == before["subsystems"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "other file"])
def test_a_damaged_backup_is_noticed_before_anything_is_changed(
    used: Database, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "saved"
    save(used, path)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        # Also without the checksum.
        archive.checksum_file(path).unlink()
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    else:
        archive.checksum_file(path).unlink()
        path.write_text("select 1;")
    before = used.one(ROWS)
    with pytest.raises(StackError):
        load(used, path, force=True)
    assert used.one(ROWS) == before


@pytest.mark.parametrize("place", ["in the end", "in the archive"])
def test_an_error_in_the_middle_leaves_the_database_as_it_was(
    used: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    save(used, tmp_path / "saved")
    used.write_status("power", "complete")
    before = used.one(ROWS)
    if place == "in the end":
        script = restoring._script
        monkeypatch.setattr(restoring, "_script", lambda name: script(name) + "select 1 / 0;\n")
        problem = "division by zero"
    else:
        lines = archive.as_sql

        def broken_off(path: Path, list_file: Path) -> Generator[str, None, None]:
            yield from islice(lines(path, list_file), 500)
            raise StackError("broken off")

        monkeypatch.setattr(archive, "as_sql", broken_off)
        problem = "broken off"
    with pytest.raises(StackError, match=problem):
        load(used, tmp_path / "saved", force=True)
    assert used.one(ROWS) == before
    assert used.token("power") == 3


def _fail(path: Path) -> None:
    raise StackError(f"a broken block in {path}")


def test_a_backup_has_its_name_only_when_it_is_whole_and_belongs_to_its_owner(
    used: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = save(used, tmp_path / "saved")
    assert made.path.stat().st_mode & 0o777 == 0o600
    checked = subprocess.run(["sha256sum", "--check", "saved.sha256"], cwd=tmp_path)
    assert checked.returncode == 0
    with pytest.raises(StackError, match="exists already"):
        save(used, tmp_path / "saved")
    monkeypatch.setattr(archive, "read_through", _fail)
    with pytest.raises(StackError, match="a broken block"):
        save(used, tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saved", "saved.sha256"]


def test_what_a_killed_backup_left_goes_with_the_next_one_and_what_another_writes_stays(
    used: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = f"""
import os, pathlib, psycopg, signal
from sharedstate_ops.backup import archive, back_up
archive.read_through = lambda path: os.kill(os.getpid(), signal.SIGKILL)
with psycopg.connect({used.address!r}, autocommit=True) as connection:
    back_up(connection, {used.environment!r}, pathlib.Path({str(tmp_path)!r}) / "killed")
"""
    killed = subprocess.run([sys.executable, "-c", program])
    assert killed.returncode == -signal.SIGKILL
    [left] = tmp_path.iterdir()
    assert left.stat().st_size > 0
    check = archive.read_through
    done: list[Backup] = []

    def meanwhile(path: Path) -> None:
        monkeypatch.setattr(archive, "read_through", check)
        done.append(save(used, tmp_path / "second"))
        check(path)

    monkeypatch.setattr(archive, "read_through", meanwhile)
    done.append(save(used, tmp_path / "first"))
    assert len(done) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("first", "first.sha256", "second", "second.sha256")
    ]


def test_of_two_backups_to_one_name_at_once_the_second_to_end_is_refused(
    used: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = archive.read_through
    done: list[Backup] = []

    def meanwhile(path: Path) -> None:
        monkeypatch.setattr(archive, "read_through", check)
        done.append(save(used, tmp_path / "saved"))
        used.write_status("power", "complete")
        check(path)

    monkeypatch.setattr(archive, "read_through", meanwhile)
    with pytest.raises(StackError, match="saved exists already"):
        save(used, tmp_path / "saved")
    assert archive.checksum(tmp_path / "saved") == done[0].checksum
    checked = subprocess.run(["sha256sum", "--check", "saved.sha256"], cwd=tmp_path)
    assert checked.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saved", "saved.sha256"]


def test_a_backup_that_fails_in_its_last_step_leaves_its_name_free(
    used: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_disk = backing_up._to_disk

    def full(path: Path) -> None:
        if path.is_dir():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        to_disk(path)

    with monkeypatch.context() as patch:
        patch.setattr(backing_up, "_to_disk", full)
        with pytest.raises(StackError, match="No space left"):
            save(used, tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []
    assert save(used, tmp_path / "saved").path.is_file()


def test_agents_go_on_through_the_api_after_a_restore(tmp_path: Path) -> None:
    """The two commands, on an installation of its own."""
    made = Installation(tmp_path / "home")
    made.root.mkdir()
    running = Stack(made.root)
    info = running.up()
    try:
        with SharedState(url=info.url, key=info.agent_key) as state:
            lease = state.acquire_lock("subsystem", "power", "power_agent")
            assert lease
            state.update_subsystem_status("power", {"state": "designing"})
            answer = made.run("backup", "saved")
            assert answer.returncode == 0, answer.stderr
            assert "read through" in answer.stdout
            state.update_subsystem_status("power", {"state": "complete"})
            refused = made.run("restore", "saved")
            assert refused.returncode == 1
            assert "--force" in refused.stderr
            answer = made.run("restore", "saved", "--force")
            assert answer.returncode == 0, answer.stderr
            row = state.get_subsystem_status("power")
            assert row is not None
            assert row["state"] == "designing"
            other = state.acquire_lock("subsystem", "power", "power_agent")
            assert other
            assert other.fencing_token > lease.fencing_token
    finally:
        running.down()


def test_what_a_checkout_had_read_ends_with_its_lease_at_a_restore(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    with used.connect() as connection:
        connection.execute(
            """insert into public.document_dependencies (workspace, subsystem, on_subsystem,
                 document, seen_version, read_version, read_token, recorded_by)
               values ('default', 'shell', 'power', 'design', 1, 2, 7, 'tester')"""
        )
    save(used, tmp_path / "saved")
    target = database(empty=True)
    load(target, tmp_path / "saved")
    query = (
        "select to_jsonb(array[seen_version, read_version, read_token]) from document_dependencies"
    )
    assert target.one(query) == [1, None, None]
