"""A database that an earlier release made, with data in it, takes the migrations of a later one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.awaiting import await_answer
from tests.operations.databases import Database
from tests.stack.installation import Installation

from sharedstate import SharedState
from sharedstate_ops.backup import back_up, restore
from sharedstate_ops.stack import Stack, StackError, migrations

LATER = "20270115090000"
# A release to come: a column with a default, a rule that old rows keep, another RPC.
LATER_TEXT = f"""{migrations.MARKER}
alter table public.conflicts add column reported_from text not null default 'unknown';
comment on column public.conflicts.reported_from is 'Where it was seen.';
update public.conflicts set reported_from = 'before the upgrade' where true;

create function public.count_conflicts() returns bigint language sql stable set search_path = ''
as $$ select count(*) from public.conflicts; $$;
comment on function public.count_conflicts() is 'How many conflicts there are.';
grant execute on function public.count_conflicts to authenticated, service_role;

create or replace function public.health() returns public.health_report language sql stable
set search_path = '' as $$
  select row('ok', '20270115090000', clock_timestamp())::public.health_report;
$$;
create or replace function public.schema_version() returns text language sql stable
set search_path = '' as $$ select '20270115090000'; $$;
"""
HOLDINGS = """
select jsonb_build_object(
  'subsystems', (select jsonb_agg(to_jsonb(t) order by name) from subsystems as t),
  'conflicts', (
    select jsonb_agg(to_jsonb(t) - 'reported_from' order by conflict_id) from conflicts as t
  ),
  'designs', (select jsonb_agg(to_jsonb(t) order by version) from subsystem_designs as t),
  'locks', (select jsonb_agg(to_jsonb(t) order by resource_name) from agent_locks as t),
  'logs', (select jsonb_agg(to_jsonb(t) order by id) from agent_activity_logs as t)
)
"""


@pytest.fixture
def releases(tmp_path: Path) -> tuple[Path, Path]:
    """The migrations of today, and those of a later release."""
    today, later = tmp_path / "today", tmp_path / "later"
    for folder in (today, later):
        folder.mkdir()
        for migration in migrations.available():
            shutil.copy(migration.path, folder)
    (later / f"{LATER}_add_origin.sql").write_text(LATER_TEXT)
    return today, later


def _fill(database: Database) -> None:
    database.make_workspace()
    database.write_status("power", "designing")
    database.design("power")
    database.conflict()
    database.one(
        """select fencing_token from public.acquire_lock(
             'subsystem', 'skeleton', 'skeleton_agent', 'execution-1', 3600)"""
    )


def test_only_the_later_migration_is_applied_and_all_data_stays(
    database: Callable[..., Database], releases: tuple[Path, Path]
) -> None:
    today, later = releases
    made = database(empty=True)
    assert LATER not in made.migrate(today)
    _fill(made)
    before = made.one(HOLDINGS)
    assert made.migrate(later) == [LATER]
    assert made.one(HOLDINGS) == before
    assert made.one("select public.schema_version()") == LATER
    assert made.one("select reported_from from conflicts") == "before the upgrade"
    # Work goes on where it was: numbers, and the lease that was held all the time.
    assert made.conflict() == 2
    assert made.one("select reported_from from conflicts where conflict_id = 2") == "unknown"
    assert made.design("power") == 2
    assert (
        made.one(
            """select version from public.update_subsystem_status(
             'skeleton', '{"state": "designing"}', 'execution-1', fencing_token => 1)"""
        )
        == 2
    )
    assert made.migrate(later) == []


def test_a_later_migration_that_fails_leaves_the_database_of_the_earlier_release(
    database: Callable[..., Database], releases: tuple[Path, Path]
) -> None:
    today, later = releases
    made = database(empty=True)
    made.migrate(today)
    _fill(made)
    before, schema = made.one(HOLDINGS), made.schema()
    broken = later / f"{LATER}_add_origin.sql"
    broken.write_text(LATER_TEXT + "alter table public.conflicts add check (conflict_id > 1);\n")
    with pytest.raises(StackError, match=r"add_origin.*violated by some row"):
        made.migrate(later)
    assert made.one(HOLDINGS) == before
    assert made.schema() == schema
    broken.write_text(LATER_TEXT)
    assert made.migrate(later) == [LATER]


def test_a_backup_of_the_earlier_release_is_restored_and_then_upgraded(
    database: Callable[..., Database], releases: tuple[Path, Path], tmp_path: Path
) -> None:
    today, later = releases
    old, new = database(empty=True), database(empty=True)
    old.migrate(today)
    _fill(old)
    with old.connect() as connection:
        back_up(connection, old.environment, tmp_path / "saved")
    new.migrate(later)
    new.make_workspace()
    with new.connect() as connection:
        restore(connection, new.environment, tmp_path / "saved")
    # What the later release had made is gone with the rest of its schema.
    assert new.one("select to_regprocedure('public.count_conflicts()')") is None
    assert new.migrate(later) == [LATER]
    assert new.one("select public.count_conflicts()") == 1


def _of_an_older_baseline(database: Database) -> None:
    """As if the file had been edited since: an index of today is missing, and its statement."""
    with database.connect() as connection:
        connection.execute("drop index public.conflicts_open_idx")
        connection.execute(
            """update supabase_migrations.schema_migrations
               set statements = array[replace(
                 array_to_string(statements, ''), 'create index conflicts_open_idx', 'select 1 as'
               )] where true"""
        )


def test_init_tells_that_a_migration_was_changed_after_it_was_applied(
    database: Callable[..., Database], tmp_path: Path
) -> None:
    made = database()
    command = Installation(tmp_path, {"DATABASE_URL": made.address})
    assert command.run("init").returncode == 0
    _of_an_older_baseline(made)
    answer = command.run("init")
    assert answer.returncode == 1
    assert "up to date" not in answer.stdout
    assert "create_baseline.sql was changed after it was applied" in answer.stderr
    # Nobody outside of this repository has a Makefile.
    assert "make clean" not in answer.stderr
    assert command.run("backup", "saved").returncode == 0
    answer = command.run("restore", "saved", "--force")
    assert answer.returncode == 0, answer.stderr
    assert "create_baseline.sql was changed after it was applied" in answer.stderr


def test_a_database_of_an_older_baseline_is_brought_up_to_date_by_export_and_import(
    database: Callable[..., Database], tmp_path: Path
) -> None:
    old, fresh = database(), database(empty=True)
    _fill(old)
    _of_an_older_baseline(old)
    at_old, at_fresh = (
        Installation(tmp_path, {"DATABASE_URL": each.address}) for each in (old, fresh)
    )
    answer = at_old.run("export", "--output", "default.json")
    assert answer.returncode == 0, answer.stderr
    answer = at_fresh.run("init", "--from", "default.json")
    assert answer.returncode == 0, answer.stderr
    rows = """select jsonb_build_object(
        'subsystems', (select jsonb_agg(to_jsonb(t) order by name) from subsystems as t),
        'designs', (select jsonb_agg(to_jsonb(t) order by version) from subsystem_designs as t)
    )"""
    assert fresh.one(rows) == old.one(rows)
    # By a backup, too: the new one takes the place of the old one, all of it.
    assert at_fresh.run("backup", "new").returncode == 0
    answer = at_old.run("restore", "new", "--force", "--gap", "0")
    assert answer.returncode == 0, answer.stderr
    assert "was changed" not in answer.stderr
    assert at_old.run("init").returncode == 0
    assert old.one("select to_regclass('public.conflicts_open_idx')") is not None


def test_a_running_stack_is_upgraded_by_up_and_serves_the_new_function(
    tmp_path: Path, releases: tuple[Path, Path]
) -> None:
    today, later = releases
    home = tmp_path / "home"
    home.mkdir()
    old = Stack(home, migrations_folder=today)
    try:
        info = old.up()
        with SharedState(url=info.url, key=info.agent_key) as state:
            lease = state.acquire_lock("subsystem", "power", "power_agent")
            assert lease
            state.update_subsystem_status("power", {"state": "designing"})
            new = Stack(home, migrations_folder=later)
            new.up()
            state.update_subsystem_status("power", {"state": "complete"})
            assert state.release_lock("subsystem", "power")

            def counted() -> object:
                try:
                    return state.supabase.rpc("count_conflicts", {}).execute().data
                except Exception as problem:  # noqa: BLE001
                    return problem

            # PostgREST reads the schema anew in the background.
            await_answer(counted, 0)
    finally:
        old.down()
