"""supabase/ is a project of the Supabase CLI, and its ledger is ours too, in both directions."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.supabase_cli.conftest import Project
from tests.tools import ROOT

from sharedstate_ops.backup import ours
from sharedstate_ops.stack import StackInfo, migrations
from sharedstate_ops.stack.connections import connect

BASELINE = "20261122000000"


@pytest.fixture
def config() -> dict[str, Any]:
    return tomllib.loads((ROOT / "supabase" / "config.toml").read_text())


def add_migration(project: Project, version: str, table: str) -> Path:
    path = project.migrations / f"{version}_create_{table}.sql"
    path.write_text(
        f"-- One; two.\ncreate table public.{table} (id integer);\n\n"
        f"insert into public.{table} values (1);\n"
    )
    return path


def test_the_local_project_has_the_ports_of_the_other_ways_to_run(config: dict[str, Any]) -> None:
    assert config["api"]["port"] == 8000
    assert config["db"]["port"] == 5432
    assert config["studio"]["port"] == 3000
    assert config["db"]["major_version"] == 17


def test_new_tables_are_not_exposed_automatically(config: dict[str, Any]) -> None:
    assert config["api"]["auto_expose_new_tables"] is False
    assert config["api"]["schemas"] == ["public"]


def test_the_cli_reads_the_configuration(project: Project, stack: StackInfo) -> None:
    project.succeed("migration", "list", database=stack.database_url)
    path = project.folder / "supabase" / "config.toml"
    path.write_text(path.read_text().replace("port = 8000", 'port = "none"'))
    assert project.run("migration", "list", database=stack.database_url).returncode != 0


def test_the_cli_sees_what_our_runner_has_applied(project: Project, stack: StackInfo) -> None:
    listed = project.succeed("migration", "list", database=stack.database_url)
    row = next(line for line in listed.splitlines() if BASELINE in line)
    # Once as a file, once in the database.
    assert row.count(f"`{BASELINE}`") == 2
    for command in (("migration", "up", "--yes"), ("db", "push", "--yes")):
        assert "up to date" in project.succeed(*command, database=stack.database_url)


def test_our_runner_sees_what_the_cli_has_applied(project: Project, database: str) -> None:
    project.succeed("migration", "up", "--yes", database=database)
    with connect(database) as connection:
        assert migrations.pending(connection) == []
        assert migrations.changed(connection) == []
        assert migrations.apply_pending(connection) == []
        health = connection.execute("select status from public.health()").fetchone()
        assert health == ("ok",)


def test_the_cli_and_our_runner_can_apply_migrations_in_turns(
    project: Project, database: str
) -> None:
    folder = project.migrations
    with connect(database) as connection:
        migrations.apply_pending(connection, folder=folder)
        add_migration(project, "20300101000000", "by_cli")
        project.succeed("migration", "up", "--yes", database=database)
        assert migrations.pending(connection, folder) == []
        add_migration(project, "20300102000000", "by_runner")
        done = migrations.apply_pending(connection, folder=folder)
        assert [migration.name for migration in done] == ["create_by_runner"]
        assert migrations.changed(connection, folder) == []
        assert "up to date" in project.succeed("migration", "up", "--yes", database=database)
        for table in ("by_cli", "by_runner"):
            rows = connection.execute(f"select * from public.{table}".encode()).fetchall()
            assert rows == [(1,)]


def test_what_is_ours_is_known_in_the_ledger_whoever_applied_it(
    project: Project, make_database: Callable[[], str]
) -> None:
    """Also without a file of that version: of a later release, or under a name of one's own."""
    mark = f"{migrations.MARKER} Adds a table.\n\n-- One.\n"
    (project.migrations / "20300101000000_add_ours.sql").write_text(
        f"{mark}create table public.ours (id int);\ncreate table public.more (id int);\n"
    )
    (project.migrations / "20300102000000_add_theirs.sql").write_text(
        "create table public.theirs (workspace text default core.current_workspace());\n"
    )
    by_cli, by_runner = make_database(), make_database()
    project.succeed("migration", "up", "--yes", database=by_cli)
    with connect(by_cli) as one, connect(by_runner) as two:
        migrations.apply_pending(two, folder=project.migrations)
        for texts, others in map(ours.read_ledger, (one, two)):
            assert others == ["20300102000000"]
            assert {"ours", "more"} <= set(ours.made_by(texts)["relations"])


def test_both_record_the_same_migrations(project: Project, database: str, stack: StackInfo) -> None:
    """Ours on the session's stack, the CLI's on an empty database."""
    project.succeed("migration", "up", "--yes", database=database)
    # The CLI splits a file into statements, and drops what separates them.
    query = r"""
      select version, name, md5(regexp_replace(array_to_string(statements, ''), '[\s;]', '', 'g'))
      from supabase_migrations.schema_migrations"""
    with connect(database) as theirs, connect(stack.database_url) as ours:
        assert theirs.execute(query).fetchall() == ours.execute(query).fetchall()


def test_db_push_with_the_seed_makes_a_database_that_is_ready_to_use(
    project: Project, database: str
) -> None:
    assert "Finished" in project.succeed("db", "push", "--yes", "--include-seed", database=database)
    with connect(database) as connection:
        rows = connection.execute(
            "select workspace, version from public.global_constraints"
        ).fetchall()
        assert rows == [("default", 1)]


def test_the_seed_may_run_again(project: Project, database: str) -> None:
    seed = (project.folder / "supabase" / "seed.sql").read_bytes()
    with connect(database) as connection:
        migrations.apply_pending(connection)
        for _ in range(2):
            connection.execute(seed)
        count = connection.execute("select count(*) from public.global_constraints").fetchone()
        assert count == (1,)
    assert len(seed) < 1000
