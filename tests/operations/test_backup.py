"""`sharedstate backup` and `restore`: all of it, verified; and no number is ever given twice."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from itertools import islice
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from tests.operations.databases import Database
from tests.stack.installation import Installation

from sharedstate import SharedState
from sharedstate.backup import Backup, Restored, archive, back_up, ours, restore, restoring
from sharedstate.stack import Stack, StackError, StackInfo, migrations

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


# Their migration mentions ours, as one would write it after our example.
INVOICES = """
create table public.invoices (
  id int primary key, workspace text default core.current_workspace(), body text
);
alter table public.invoices enable row level security;
create policy invoices_of_own_workspace on public.invoices for select to authenticated
using (workspace = (select core.current_workspace()));
"""
# Who reads our tables beside the agents, and what hangs on them for that.
READER = "backup_reader"
ADDITIONS = f"""
create function public.notify_hook() returns trigger language plpgsql as $$
begin
  raise exception 'the hook was called';
end;
$$;
create function public.short(text) returns text immutable return left($1, 3);
create trigger my_hook before insert or update on public.conflicts
for each row execute function public.notify_hook();
alter table public.conflicts disable trigger my_hook;
comment on trigger my_hook on public.conflicts is 'Calls them.';
create trigger their_hook after insert or update on public.agent_activity_logs
for each row execute function public.notify_hook();
create index conflicts_by_their_word on public.conflicts (public.short(description));
create policy "their rows" on public.subsystems for select to {READER} using (true);
create statistics public.their_statistics on workspace, name from public.subsystems;
alter table public.conflicts add constraint their_limit check (priority < 1000);
create publication their_feed for table public.conflicts (workspace, conflict_id)
where (workspace = 'default');
grant select on public.subsystems to {READER};
grant select (name) on core.workspaces to {READER};
grant execute on function public.get_active_conflicts to {READER} with grant option;
grant usage on schema core to {READER};
"""
ADDED = f"""
select jsonb_build_object(
  'triggers', (
    select jsonb_agg(pg_get_triggerdef(oid) || tgenabled::text order by tgname)
    from pg_trigger where tgname like '%%hook'
  ),
  'index', (select pg_get_indexdef('public.conflicts_by_their_word'::regclass)),
  'policy', (
    select pg_get_expr(polqual, polrelid) || polcmd::text || polroles::regrole[]::text
    from pg_policy where polname = 'their rows'
  ),
  'statistics', (select count(*) from pg_statistic_ext where stxname = 'their_statistics'),
  'constraint', (select pg_get_constraintdef(oid) from pg_constraint where conname = 'their_limit'),
  'publication', (
    select to_jsonb(t) from pg_publication_tables as t where pubname = 'their_feed'
  ),
  'rights', (
    select jsonb_agg(right_of_reader order by right_of_reader) from (
      select relname || x.privilege_type from pg_class
      cross join aclexplode(relacl) as x where x.grantee = '{READER}'::regrole
      union all
      select attname || x.privilege_type from pg_attribute
      cross join aclexplode(attacl) as x where x.grantee = '{READER}'::regrole
      union all
      select proname || x.privilege_type || x.is_grantable::text from pg_proc
      cross join aclexplode(proacl) as x where x.grantee = '{READER}'::regrole
      union all
      select nspname || x.privilege_type from pg_namespace
      cross join aclexplode(nspacl) as x where x.grantee = '{READER}'::regrole
    ) as r (right_of_reader)
  )
)
"""


def _save(database: Database, path: Path) -> Backup:
    with database.connect() as connection:
        return back_up(connection, database.environment, path)


def _load(database: Database, path: Path, *, force: bool = False, gap: int = GAP) -> Restored:
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
    assert len(_load(target, made.path).tables) == made.tables
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
                 "subsystem_designs": [
                   {"subsystem_name": "power", "version": 1, "design_data": {}}
                 ],
                 "global_constraints": [
                   {"version": 1, "height_m": 1.5}, {"version": 2, "height_m": 1.6}
                 ]
               }') where imported + refused > 0 order by section"""
        ).fetchall()
    assert counts == [(2, 0), (1, 0), (1, 0)]


@pytest.mark.parametrize("defaults", [True, False])
def test_what_a_restored_database_exports_is_imported_whole_although_numbers_were_jumped_over(
    used: Database, database: MakeDatabase, tmp_path: Path, defaults: bool
) -> None:
    _save(used, tmp_path / "saved")
    restored, fresh = database(empty=True), database(empty=not defaults)
    _load(restored, tmp_path / "saved")
    restored.make_workspace("later")
    for workspace in ("default", "later"):
        assert restored.constraints(workspace) > GAP
        assert restored.design("power", workspace) > GAP
        here, there = (
            Installation(tmp_path, {"DATABASE_URL": each.address}) for each in (restored, fresh)
        )
        assert here.run("export", "--workspace", workspace, "--output", workspace).returncode == 0
        answer = there.run("init", "--workspace", workspace, "--from", workspace)
        assert answer.returncode == 0, answer.stdout + answer.stderr
    rows = """select jsonb_build_object(
      'designs', (
        select jsonb_agg(to_jsonb(t) order by workspace, subsystem_name, version)
        from subsystem_designs as t where workspace <> 'arm'
      ),
      'constraints', (
        select jsonb_agg(to_jsonb(t) - 'created_at' order by workspace, version)
        from global_constraints as t where workspace <> 'arm'
      )
    )"""
    assert fresh.one(rows) == restored.one(rows)


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


@pytest.mark.parametrize("lost", ["replaced", "gone"])
def test_a_workspace_that_the_backup_does_not_know_goes_on_too_when_it_is_made_again(
    database: MakeDatabase, tmp_path: Path, lost: str
) -> None:
    used = database()
    _save(used, tmp_path / "saved")
    used.make_workspace("arm")
    assert (used.conflict("arm"), used.conflict("arm")) == (1, 2)
    assert (used.constraints("arm"), used.constraints("arm")) == (2, 3)
    # Of the default one, the backup has no conflict.
    assert used.conflict() == 1
    target = used if lost == "replaced" else database(empty=True)
    _load(target, tmp_path / "saved", force=True, gap=0 if lost == "replaced" else GAP)
    target.make_workspace("arm")
    assert target.conflict("arm") > 2
    assert target.conflict() > 1
    assert target.one("select min(version) from global_constraints where workspace = 'arm'") > 3
    assert target.constraints("arm") > 4
    # And once more, from the same backup.
    numbers = target.conflict("arm"), target.constraints("arm")
    _load(target, tmp_path / "saved", force=True, gap=0)
    target.make_workspace("arm")
    assert target.conflict("arm") > numbers[0]
    assert target.constraints("arm") > numbers[1]


def test_a_restore_that_lost_the_workspaces_of_another_forgets_none_of_their_numbers(
    database: MakeDatabase, tmp_path: Path
) -> None:
    used = database()
    _save(used, tmp_path / "saved")
    used.make_workspace("arm")
    assert (used.conflict("arm"), used.conflict("arm")) == (1, 2)
    for _ in range(2):
        _load(used, tmp_path / "saved", force=True, gap=0)
    used.make_workspace("arm")
    assert used.conflict("arm") == 3


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
            connection.execute(INVOICES.encode())
            connection.execute("insert into public.invoices values (1, 'default', %s)", [body])
            connection.execute(
                f"create function public.greet() returns text return '{body}'".encode()
            )
            connection.execute(
                """insert into supabase_migrations.schema_migrations (version, name, statements)
                   values (%s, 'invoices', array[%s])""",
                ["20270101000000" if each is used else "20270202000000", INVOICES],
            )
    _save(used, tmp_path / "saved")
    assert not [line for line in archive.entries(tmp_path / "saved") if "invoices" in line]
    rows = used.one(ROWS)
    target.token("shell")
    _load(target, tmp_path / "saved", force=True)
    assert target.one(ROWS) == rows
    assert target.one("select body || greet() from invoices") == "herehere"
    assert target.one("select polname from pg_policy where polrelid = 'invoices'::regclass") == (
        "invoices_of_own_workspace"
    )
    versions = (
        "select array_agg(version order by version) from supabase_migrations.schema_migrations"
    )
    assert target.one(versions)[-1:] == ["20270202000000"]
    assert "20270101000000" not in target.one(versions)


def test_our_tables_are_in_the_publication_of_realtime_after_a_restore(
    used: Database, tmp_path: Path
) -> None:
    published = "select count(*) from pg_publication_tables where pubname = 'supabase_realtime'"
    with used.connect() as connection:
        connection.execute("create publication supabase_realtime")
        connection.execute("select core.join_realtime()")
    tables = used.one(published)
    assert tables >= 8
    _save(used, tmp_path / "saved")
    _load(used, tmp_path / "saved", force=True)
    assert used.one(published) == tables


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


@pytest.fixture(scope="module")
def reader(stack: StackInfo) -> Iterator[Callable[[str, str], None]]:
    """A role of others, until the databases are gone; it can be renamed."""

    def run(command: str, *names: str) -> None:
        with psycopg.connect(stack.database_url, autocommit=True) as connection:
            connection.execute(sql.SQL(command).format(*map(sql.Identifier, names)))

    run("create role {}", READER)
    yield lambda old, new: run("alter role {} rename to {}", old, new)
    run("drop role {}", READER)


@pytest.mark.usefixtures("reader")
def test_what_others_have_put_on_our_tables_is_there_after_a_restore(
    used: Database, tmp_path: Path
) -> None:
    _save(used, tmp_path / "saved")
    with used.connect() as connection:
        connection.execute(ADDITIONS.encode())
    added = used.one(ADDED)
    assert all(added.values())
    assert len(added["rights"]) == 4
    done = _load(used, tmp_path / "saved", force=True)
    assert used.one(ADDED) == added
    assert (done.added_by_others, done.roles_missing) == ([], [])


def test_a_column_of_others_stops_a_restore_instead_of_being_lost(
    used: Database, tmp_path: Path
) -> None:
    _save(used, tmp_path / "saved")
    with used.connect() as connection:
        connection.execute("alter table public.conflicts add column their_ticket text default 'T1'")
    with pytest.raises(StackError, match=r"would be lost: column their_ticket of public.conflicts"):
        _load(used, tmp_path / "saved", force=True)
    assert used.one("select max(their_ticket) from conflicts") == "T1"


def test_a_backup_is_restored_where_the_roles_and_functions_of_others_are_not(
    used: Database, database: MakeDatabase, tmp_path: Path, reader: Callable[[str, str], None]
) -> None:
    with used.connect() as connection:
        connection.execute(ADDITIONS.encode())
        connection.execute("alter table public.conflicts drop constraint their_limit")
    rows = used.one(ROWS)
    _save(used, tmp_path / "saved")
    target = database(empty=True)
    reader(READER, "somebody_else")
    try:
        done = _load(target, tmp_path / "saved")
    finally:
        reader("somebody_else", READER)
    assert target.one(ROWS) == rows
    assert done.roles_missing == [READER]
    assert sorted(done.added_by_others) == [
        "index conflicts_by_their_word",
        "policy their rows of subsystems",
        "statistics their_statistics",
        "trigger my_hook of conflicts",
        "trigger their_hook of agent_activity_logs",
    ]
    # Ours has all its rights.

    def rights(each: Database) -> list[str]:
        return [line for line in each.schema() if line.startswith("GRANT") and READER not in line]

    assert rights(target) == rights(used)
    assert len(rights(target)) > 100


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


def test_what_a_killed_backup_left_goes_with_the_next_one_and_what_another_writes_stays(
    used: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = f"""
import os, pathlib, psycopg, signal
from sharedstate.backup import archive, back_up
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
        done.append(_save(used, tmp_path / "second"))
        check(path)

    monkeypatch.setattr(archive, "read_through", meanwhile)
    done.append(_save(used, tmp_path / "first"))
    assert len(done) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("first", "first.sha256", "second", "second.sha256")
    ]


def _fail(path: Path) -> None:
    raise StackError(f"a broken block in {path}")


def test_each_migration_of_ours_begins_with_the_mark_that_the_ledger_keeps() -> None:
    for migration in migrations.available():
        assert migration.text.startswith(migrations.MARKER)
    # A later release's, which this one has no file of; and others', whatever they mention.
    ledger = {
        "20300101000000": f"{migrations.MARKER}\ncreate table public.later (id int);\n",
        "20300102000000": INVOICES,
    }
    assert ours.of_others(ledger) == ["20300102000000"]
    assert ours.made_by(ledger).relations == {"later"}


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
