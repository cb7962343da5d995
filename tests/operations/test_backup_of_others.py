"""What others have beside our tables or on them is told from ours; no restore loses it silently."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from tests.operations.backups import ROWS, load, save
from tests.operations.databases import Database, MakeDatabase

from sharedstate_ops.backup import archive, ours
from sharedstate_ops.stack import StackError, StackInfo, migrations

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
    save(used, tmp_path / "saved")
    assert not [line for line in archive.entries(tmp_path / "saved") if "invoices" in line]
    rows = used.one(ROWS)
    target.token("shell")
    load(target, tmp_path / "saved", force=True)
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
    save(used, tmp_path / "saved")
    load(used, tmp_path / "saved", force=True)
    assert used.one(published) == tables


def test_what_hangs_on_our_tables_stops_a_restore_instead_of_being_lost(
    used: Database, tmp_path: Path
) -> None:
    save(used, tmp_path / "saved")
    used.write_status("power", "complete")
    with used.connect() as connection:
        connection.execute("create view public.my_report as select name from public.subsystems")
    before = used.one(ROWS)
    with pytest.raises(StackError, match=r"would be lost with .*my_report"):
        load(used, tmp_path / "saved", force=True)
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
    save(used, tmp_path / "saved")
    with used.connect() as connection:
        connection.execute(ADDITIONS.encode())
    added = used.one(ADDED)
    assert all(added.values())
    assert len(added["rights"]) == 4
    done = load(used, tmp_path / "saved", force=True)
    assert used.one(ADDED) == added
    assert (done.added_by_others, done.roles_missing) == ([], [])


def test_a_column_of_others_stops_a_restore_instead_of_being_lost(
    used: Database, tmp_path: Path
) -> None:
    save(used, tmp_path / "saved")
    with used.connect() as connection:
        connection.execute("alter table public.conflicts add column their_ticket text default 'T1'")
    with pytest.raises(StackError, match=r"would be lost: column their_ticket of public.conflicts"):
        load(used, tmp_path / "saved", force=True)
    assert used.one("select max(their_ticket) from conflicts") == "T1"


def test_a_backup_is_restored_where_the_roles_and_functions_of_others_are_not(
    used: Database, database: MakeDatabase, tmp_path: Path, reader: Callable[[str, str], None]
) -> None:
    with used.connect() as connection:
        connection.execute(ADDITIONS.encode())
        connection.execute("alter table public.conflicts drop constraint their_limit")
    rows = used.one(ROWS)
    save(used, tmp_path / "saved")
    target = database(empty=True)
    reader(READER, "somebody_else")
    try:
        done = load(target, tmp_path / "saved")
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
