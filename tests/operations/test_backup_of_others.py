"""What others have in a database stops a restore, and is named, instead of being lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from psycopg2 import sql
from tests.operations.backups import ROWS, load, save
from tests.operations.databases import Database, MakeDatabase

from sharedstate_ops.backup import ours
from sharedstate_ops.stack import StackError, StackInfo, migrations
from sharedstate_ops.stack.connections import connect

# Their migration mentions ours, as one would write it after our example.
INVOICES = """
create table public.invoices (
  id int primary key, workspace text default core.current_workspace(), body text
);
create policy invoices_of_own_workspace on public.invoices for select to authenticated
using (workspace = (select core.current_workspace()));
"""
HOOK = """
create schema others;
create function others.hook() returns trigger language plpgsql as 'begin return new; end';
"""
LEDGER = "insert into supabase_migrations.schema_migrations (version, name, statements) values"


@pytest.fixture(scope="module")
def saved(models: tuple[Database, Database], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of what `used` is a copy of."""
    path = tmp_path_factory.mktemp("backup") / "saved"
    save(models[1], path)
    return path


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (INVOICES, "table public.invoices"),
        ("create function public.greet() returns int return 1", "function public.greet()"),
        ("create view public.names as select name from public.subsystems", "view public.names"),
        ("create type public.colour as enum ('red')", "type public.colour"),
        (
            "create schema others; create view others.names as select name from public.subsystems",
            "view others.names",
        ),
        (
            "create schema others; create table others.parts (w text references core.workspaces)",
            "others.parts",
        ),
        (
            "create schema others; create table others.t (w text default core.current_workspace())",
            "default value for others.t.w",
        ),
        (
            "create index by_words on public.conflicts (description)",
            "index public.by_words",
        ),
        (
            HOOK + "create trigger my_hook after insert on public.conflicts for each row"
            " execute function others.hook()",
            "trigger my_hook on public.conflicts",
        ),
        (
            'create policy "their rows" on public.subsystems for select using (true)',
            'policy "their rows" on public.subsystems',
        ),
        (
            "create statistics public.their_statistics on workspace, name from public.subsystems",
            "statistics object public.their_statistics",
        ),
        (
            "alter table public.conflicts add constraint their_limit check (priority < 1000)",
            "table constraint their_limit on public.conflicts",
        ),
        (
            "alter table public.conflicts add column their_ticket text default 'T1'",
            "table column public.conflicts.their_ticket",
        ),
        ("create publication their_feed for table public.conflicts", "their_feed"),
        (f"{LEDGER} ('20270101000000', 'invoices', array['select 1'])", "migration 20270101000000"),
    ],
)
def test_objects_of_others_stop_a_restore_and_are_named(
    used: Database, saved: Path, command: str, named: str
) -> None:
    with used.connect() as connection:
        connection.execute(command.encode())
    before = used.one(ROWS)
    with pytest.raises(StackError, match=re.escape(named)):
        load(used, saved, force=True)
    assert used.one(ROWS) == before


def test_tables_of_others_in_another_schema_are_left_alone(used: Database, tmp_path: Path) -> None:
    with used.connect() as connection:
        connection.execute(b"create schema others; create table others.invoices as select 1 as id")
    save(used, tmp_path / "saved")
    rows = used.one(ROWS)
    used.write_status("power", "complete")
    load(used, tmp_path / "saved", force=True)
    assert used.one(ROWS) == rows
    assert used.one("select id from others.invoices") == 1


def test_tables_of_others_in_public_are_restored_into_an_empty_database(
    used: Database, database: MakeDatabase, tmp_path: Path
) -> None:
    with used.connect() as connection:
        connection.execute(INVOICES.encode())
        connection.execute("insert into public.invoices values (1, 'default', 'there')")
    save(used, tmp_path / "saved")
    target = database(empty=True)
    load(target, tmp_path / "saved")
    assert target.one(ROWS) == used.one(ROWS)
    assert target.one("select body from invoices") == "there"


def test_rights_of_a_role_that_is_not_here_stop_a_restore_and_it_is_named(
    used: Database, database: MakeDatabase, stack: StackInfo, tmp_path: Path
) -> None:
    role = sql.Identifier(f"reader_{tmp_path.name}")
    target = database(empty=True)

    def run(command: str) -> None:
        with connect(stack.database_url) as connection:
            connection.execute(sql.SQL(command).format(role))

    run("create role {}")
    try:
        with used.connect() as connection:
            connection.execute(sql.SQL("grant select on public.subsystems to {}").format(role))
        save(used, tmp_path / "saved")
        load(target, tmp_path / "saved")
        with used.connect() as connection:
            connection.execute(sql.SQL("revoke all on public.subsystems from {}").format(role))
        with target.connect() as connection:
            connection.execute(sql.SQL("revoke all on public.subsystems from {}").format(role))
    finally:
        run("drop role {}")
    with pytest.raises(StackError, match=f'role "reader_{tmp_path.name}" does not exist'):
        load(target, tmp_path / "saved", force=True)


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


def test_each_migration_of_ours_begins_with_the_mark_that_the_ledger_keeps(
    database: MakeDatabase,
) -> None:
    for migration in migrations.available():
        assert migration.text.startswith(migrations.MARKER)
    # A later release's, which this one has no file of; and others', whatever they mention.
    later = f"{migrations.MARKER}\ncreate table public.later (id int);\n"
    with database().connect() as connection:
        for version, text in (("20300101000000", later), ("20300102000000", INVOICES)):
            connection.execute(f"{LEDGER} (%s, 'x', array[%s])".encode(), [version, text])
        texts, others = ours.read_ledger(connection)
    assert others == ["20300102000000"]
    assert "later" in ours.made_by(texts)["relations"]


def test_everything_that_the_migrations_make_is_known_as_ours(database: MakeDatabase) -> None:
    made = database()
    with made.connect() as connection:
        assert ours.of_others(connection) == []
