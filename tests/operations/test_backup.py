"""`sharedstate backup` and `restore`: all of it, verified; and no number is ever given twice."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Generator
from itertools import islice
from pathlib import Path

import pytest
from tests.operations.databases import Database
from tests.stack.installation import Installation

from sharedstate import SharedState
from sharedstate.backup import Backup, archive, back_up, load, ours, restore
from sharedstate.stack import Stack, StackError

MakeDatabase = Callable[..., Database]
GAP = 1_000_000
ROWS = """
select jsonb_build_object(
  'subsystems', (
    select jsonb_agg(to_jsonb(t) - 'version' order by workspace, name) from subsystems as t
  ),
  'conflicts', (
    select jsonb_agg(to_jsonb(t) order by workspace, conflict_id) from conflicts as t
  ),
  'designs', (
    select jsonb_agg(to_jsonb(t) order by workspace, subsystem_name, version)
    from subsystem_designs as t where version < 1000000
  ),
  'logs', (
    select jsonb_agg(to_jsonb(t) - 'transaction_id' order by id)
    from agent_activity_logs as t where activity <> 'database_restored'
  )
)
"""


def _save(database: Database, path: Path) -> Backup:
    with database.connect() as connection:
        return back_up(connection, database.environment, path)


def _load(database: Database, path: Path, *, force: bool = False, gap: int = GAP) -> list[str]:
    with database.connect() as connection:
        return restore(connection, database.environment, path, force=force, gap=gap)


def _use(database: Database) -> None:
    """Some of everything."""
    database.make_workspace("arm")
    assert database.token("power") == 1
    assert database.token("power") == 2
    assert database.write_status("power", "designing") == 2
    assert (database.design("power"), database.design("power")) == (1, 2)
    assert database.conflict() == 1


@pytest.fixture
def used(database: MakeDatabase) -> Database:
    made = database()
    _use(made)
    return made


def test_what_is_restored_is_what_was_saved_with_schema_privileges_and_comments(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    rows = used.one(ROWS)
    made = _save(used, tmp_path / "saved")
    target = database(empty=True)
    assert len(_load(target, made.path)) == made.tables
    assert target.one(ROWS) == rows
    # But for the first numbers of what the backup does not know.
    number = re.compile(r"\b(last_token|version) (bigint|integer) DEFAULT (\d+)")
    restored = [number.sub(r"\1 \2", line) for line in target.schema()]
    assert restored == [number.sub(r"\1 \2", line) for line in used.schema()]
    assert target.migrate() == []
    # What is made later gets no more rights than after the migrations.
    for each in (used, target):
        with each.connect() as connection:
            connection.execute("create function public.later() returns int return 1")
        assert not each.one("select has_function_privilege('anon', 'public.later()', 'execute')")


def test_no_token_number_or_version_that_was_handed_out_is_handed_out_again(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    _save(used, tmp_path / "saved")
    # After the backup, work went on, and then the database was lost.
    lost = {
        "token": used.token("power"),
        "new resource": used.token("shell"),
        "version": used.write_status("power", "complete"),
        "design": used.design("power"),
        "new subsystem": used.write_status("tail", "designing"),
        "new document": used.design("tail"),
        "conflict": used.conflict(),
        "log": used.one("select max(id) from agent_activity_logs"),
    }
    target = database(empty=True)
    _load(target, tmp_path / "saved")
    again = {
        "token": target.token("power"),
        "new resource": target.token("shell"),
        "version": target.write_status("power", "complete"),
        "design": target.design("power"),
        "new subsystem": target.write_status("tail", "designing"),
        "new document": target.design("tail"),
        "conflict": target.conflict(),
        "log": target.one("select max(id) from agent_activity_logs"),
    }
    assert all(again[name] > lost[name] for name in lost), (lost, again)
    assert target.one("select max(version) from subsystem_requirements") is None


def test_a_design_can_be_imported_over_the_defaults_of_a_workspace_made_after_a_restore(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    _save(used, tmp_path / "saved")
    target = database(empty=True)
    _load(target, tmp_path / "saved")
    target.make_workspace("later")
    with target.connect() as connection:
        connection.execute(
            "select set_config('request.headers', '{\"x-workspace\": \"later\"}', false)"
        )
        counts = connection.execute(
            """select imported, refused from public.import_state('{
                 "format": "sharedstate/1", "subsystems": [{"name": "power", "state": "designing"}],
                 "subsystem_designs": [{"subsystem_name": "power", "version": 1, "design_data": {}}]
               }') where section in ('subsystems', 'subsystem_designs') order by section"""
        ).fetchall()
    assert counts == [(1, 0), (1, 0)]


def test_the_numbers_of_the_database_that_is_replaced_count_too(
    used: Database, tmp_path: Path
) -> None:
    _save(used, tmp_path / "saved")
    lost = [used.token("power") for _ in range(3)][-1]
    shell = used.token("shell")
    design, conflict = used.design("power"), used.conflict()
    status = used.write_status("power", "complete")
    _load(used, tmp_path / "saved", force=True, gap=0)
    assert used.one(
        "select state from subsystems where name = 'power' and workspace = 'default'"
    ) == ("designing")
    assert used.token("power") == lost + 1
    assert used.token("shell") > shell
    assert used.design("power") == design + 1
    assert used.conflict() == conflict + 1
    assert used.write_status("power", "complete") > status


def test_the_newest_document_is_the_same_under_its_new_number(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    _save(used, tmp_path / "saved")
    target = database(empty=True)
    _load(target, tmp_path / "saved")
    query = "select array_agg(design_data order by version) from subsystem_designs"
    assert target.one(query) == [{"mass": 1}] * 3
    assert target.one("select max(version) from subsystem_designs") == 2 + GAP
    assert target.one("select max(version) from global_constraints") == 1 + GAP


def test_leases_end_and_the_restore_is_in_the_log(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    held = used.one(
        """select fencing_token from acquire_lock(
             'subsystem', 'power', 'tester', 'execution-1', 3600)"""
    )
    _save(used, tmp_path / "saved")
    target = database(empty=True)
    _load(target, tmp_path / "saved")
    assert target.one("select count(*) from agent_locks") == 0
    assert target.token("power") > held
    query = "select count(*) from agent_activity_logs where activity = 'database_restored'"
    assert target.one(query) == 2


def test_a_database_that_holds_data_is_only_replaced_when_it_is_said(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    _save(used, tmp_path / "saved")
    before = used.one(ROWS)
    with pytest.raises(StackError, match=r"holds data.*\n.*--force"):
        _load(used, tmp_path / "saved")
    assert used.one(ROWS) == before
    # The defaults that `sharedstate up` makes are no data.
    fresh = database()
    _load(fresh, tmp_path / "saved")
    assert fresh.one(ROWS) == before
    used.write_status("power", "complete")
    _load(used, tmp_path / "saved", force=True)
    assert used.one(ROWS) == before
    # A restored database can be saved and restored again.
    _save(used, tmp_path / "second")
    _load(fresh, tmp_path / "second", force=True)
    assert fresh.one(ROWS)["subsystems"] == before["subsystems"]


def test_transaction_numbers_of_another_server_are_made_our_own(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    with used.connect() as connection:
        connection.execute(
            """alter table public.agent_activity_logs
               add column if not exists transaction_id xid8 not null default pg_current_xact_id()"""
        )
        # As of a server that has run for years.
        connection.execute(
            "update public.agent_activity_logs set transaction_id = '9000000000000' where true"
        )
    _save(used, tmp_path / "saved")
    target = database(empty=True)
    _load(target, tmp_path / "saved")
    assert target.one(
        """select bool_and(transaction_id < pg_snapshot_xmin(pg_current_snapshot()))
           from agent_activity_logs"""
    )


def test_what_belongs_to_others_is_neither_saved_nor_touched(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    target = database()
    for each, body in ((used, "there"), (target, "here")):
        with each.connect() as connection:
            connection.execute("create table public.invoices (id int primary key, body text)")
            connection.execute("insert into public.invoices values (1, %s)", [body])
            connection.execute(
                f"create function public.greet() returns text return '{body}'".encode()
            )
            connection.execute(
                """insert into supabase_migrations.schema_migrations (version, name, statements)
                   values (%s, 'invoices', '{"create table public.invoices (id int)"}')""",
                ["20270101000000" if each is used else "20270202000000"],
            )
    _save(used, tmp_path / "saved")
    assert not [line for line in archive.entries(tmp_path / "saved") if "invoices" in line]
    rows = used.one(ROWS)
    _load(target, tmp_path / "saved")
    assert target.one(ROWS) == rows
    assert target.one("select body || greet() from invoices") == "herehere"
    versions = (
        "select array_agg(version order by version) from supabase_migrations.schema_migrations"
    )
    assert target.one(versions)[-1:] == ["20270202000000"]
    assert "20270101000000" not in target.one(versions)


def test_what_hangs_on_our_tables_stops_a_restore_instead_of_being_lost(
    used: Database, tmp_path: Path
) -> None:
    _save(used, tmp_path / "saved")
    used.write_status("power", "complete")
    with used.connect() as connection:
        connection.execute("create view public.my_report as select name from public.subsystems")
    before = used.one(ROWS)
    with pytest.raises(StackError, match=r"would be lost with .*my_report"):
        _load(used, tmp_path / "saved", force=True)
    assert used.one(ROWS) == before
    assert used.one("select count(*) from my_report") == 14


@pytest.mark.parametrize("damage", ["cut", "flipped", "other file"])
def test_a_damaged_backup_is_noticed_before_anything_is_changed(
    used: Database, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "saved"
    _save(used, path)
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
        _load(used, path, force=True)
    assert used.one(ROWS) == before


@pytest.mark.parametrize("place", ["in the end", "in the archive"])
def test_an_error_in_the_middle_leaves_the_database_as_it_was(
    used: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    _save(used, tmp_path / "saved")
    used.write_status("power", "complete")
    before = used.one(ROWS)
    if place == "in the end":
        script = load._script
        monkeypatch.setattr(load, "_script", lambda name: script(name) + "select 1 / 0;\n")
        problem = "division by zero"
    else:
        lines = archive.as_sql

        def broken_off(path: Path, list_file: Path) -> Generator[str, None, None]:
            yield from islice(lines(path, list_file), 500)
            raise StackError("broken off")

        monkeypatch.setattr(archive, "as_sql", broken_off)
        problem = "broken off"
    with pytest.raises(StackError, match=problem):
        _load(used, tmp_path / "saved", force=True)
    assert used.one(ROWS) == before
    assert used.token("power") == 3


def test_a_backup_has_its_name_only_when_it_is_whole_and_belongs_to_its_owner(
    used: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _save(used, tmp_path / "saved")
    assert made.path.stat().st_mode & 0o777 == 0o600
    checked = subprocess.run(["sha256sum", "--check", "saved.sha256"], cwd=tmp_path)
    assert checked.returncode == 0
    with pytest.raises(StackError, match="exists already"):
        _save(used, tmp_path / "saved")
    monkeypatch.setattr(archive, "read_through", _fail)
    with pytest.raises(StackError, match="a broken block"):
        _save(used, tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saved", "saved.sha256"]


def _fail(path: Path) -> None:
    raise StackError(f"a broken block in {path}")


def test_everything_in_public_that_the_migrations_make_is_known_as_ours(
    database: MakeDatabase,
) -> None:
    made = database()
    with made.connect() as connection:
        mine = ours.made_by(ours.read_ledger(connection))
    relations = """select array_agg(relname::text) from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm', 'p', 'f')"""
    routines = """select array_agg(distinct proname::text) from pg_proc
        where pronamespace = 'public'::regnamespace"""
    types = """select array_agg(typname::text) from pg_type as t
        where typnamespace = 'public'::regnamespace and typelem = 0 and (typrelid = 0 or exists (
          select from pg_class as c where c.oid = typrelid and c.relkind = 'c'))"""
    assert set(made.one(relations)) == mine.relations
    assert set(made.one(routines)) == mine.routines
    assert set(made.one(types)) == mine.types


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


def test_who_had_read_the_newest_document_is_not_stale_after_a_restore(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    assert used.design("power") == 3
    with used.connect() as connection:
        for reader, version in (("shell", 3), ("skeleton", 2)):
            connection.execute(
                """insert into public.document_dependencies
                   (workspace, subsystem, on_subsystem, document, seen_version, recorded_by)
                   values ('default', %s, 'power', 'design', %s, 'tester')""",
                [reader, version],
            )
    _save(used, tmp_path / "saved")
    target = database(empty=True)
    _load(target, tmp_path / "saved")
    query = "select jsonb_object_agg(subsystem, seen_version) from document_dependencies"
    assert target.one("select max(version) from subsystem_designs") == 3 + GAP
    assert target.one(query) == {"shell": 3 + GAP, "skeleton": 2}


def test_what_a_checkout_had_read_ends_with_its_lease_at_a_restore(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    with used.connect() as connection:
        connection.execute(
            """insert into public.document_dependencies (workspace, subsystem, on_subsystem,
                 document, seen_version, read_version, read_token, recorded_by)
               values ('default', 'shell', 'power', 'design', 1, 2, 7, 'tester')"""
        )
    _save(used, tmp_path / "saved")
    target = database(empty=True)
    _load(target, tmp_path / "saved")
    query = (
        "select to_jsonb(array[seen_version, read_version, read_token]) from document_dependencies"
    )
    assert target.one(query) == [1, None, None]
