"""The migration runner, and its ledger that the Supabase CLI shares."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.awaiting import await_answer

from sharedstate_ops.stack import Stack, StackError, migrations
from sharedstate_ops.stack.connections import connect


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, stack: object) -> Callable[[], str]:
    """Makes empty databases on the session's server; answers their addresses."""
    from sharedstate_ops.stack import StackInfo

    assert isinstance(stack, StackInfo)
    counter = iter(range(100))

    def make() -> str:
        name = f"migrations_{next(counter)}"
        with connect(stack.database_url) as connection:
            connection.execute(f"create database {name}".encode())
        return stack.database_url.rsplit("/", 1)[0] + f"/{name}"

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "migrations"
    made.mkdir()
    (made / "20260101000000_create_things.sql").write_text(
        "-- Things; they matter.\ncreate table things (id int);\n\ninsert into things values (1);\n"
    )
    return made


def test_each_file_is_applied_once_and_recorded_in_the_ledger_of_the_supabase_cli(
    database: Callable[[], str], folder: Path
) -> None:
    text = (folder / "20260101000000_create_things.sql").read_text()
    with connect(database()) as connection:
        done = migrations.apply_pending(connection, folder=folder)
        assert [migration.version for migration in done] == ["20260101000000"]
        assert migrations.apply_pending(connection, folder=folder) == []
        rows = connection.execute(
            "select version, name, statements from supabase_migrations.schema_migrations"
        ).fetchall()
        assert rows == [("20260101000000", "create_things", [text])]
        assert connection.execute("select count(*) from things").fetchone() == (1,)


def test_a_failing_file_leaves_nothing_and_names_its_line(
    database: Callable[[], str], folder: Path
) -> None:
    (folder / "20260102000000_break_things.sql").write_text(
        "create table half (id int);\n\nselect nonsense;\n"
    )
    with connect(database()) as connection:
        with pytest.raises(StackError, match=r"break_things.sql failed at line 3: .*nonsense"):
            migrations.apply_pending(connection, folder=folder)
        assert list(migrations.ledger(connection)) == ["20260101000000"]
        assert connection.execute("select to_regclass('half')").fetchone() == (None,)
        assert [item.name for item in migrations.pending(connection, folder)] == ["break_things"]


def test_two_runs_at_once_apply_everything_once(database: Callable[[], str], folder: Path) -> None:
    address = database()
    (folder / "20260103000000_wait.sql").write_text("select pg_sleep(0.3);\n")
    counts: list[int] = []

    def run() -> None:
        with connect(address) as connection:
            counts.append(len(migrations.apply_pending(connection, folder=folder)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 0, 2]


def test_a_file_that_was_edited_after_it_was_applied_is_noticed(
    database: Callable[[], str], folder: Path
) -> None:
    with connect(database()) as connection:
        assert migrations.changed(connection, folder) == []
        migrations.apply_pending(connection, folder=folder)
        assert migrations.changed(connection, folder) == []
        (folder / "20260101000000_create_things.sql").write_text("create table other (id int);\n")
        names = [migration.name for migration in migrations.changed(connection, folder)]
        assert names == ["create_things"]


def test_a_file_with_an_odd_name_is_an_error(folder: Path) -> None:
    (folder / "fix.sql").write_text("select 1;")
    with pytest.raises(StackError, match=r"fix\.sql is no name for a migration"):
        migrations.available(folder)


def test_a_new_function_is_served_at_once_by_a_running_stack(
    scratch_stack: Callable[[], Stack], tmp_path: Path
) -> None:
    import httpx

    stack = scratch_stack()
    stack.up()
    (tmp_path / "migrations" / "20260201000000_add_greeting.sql").write_text(
        "create function public.greeting() returns text language sql stable "
        "set search_path = '' as $$ select 'hello' $$;"
    )
    info = stack.up()
    with httpx.Client(base_url=info.url, trust_env=False) as client:
        await_answer(lambda: client.get("/rest/v1/rpc/greeting").status_code, 200)
