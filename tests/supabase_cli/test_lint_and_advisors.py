"""What the Supabase CLI finds to say about the database: nothing without a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from tests.supabase_cli.conftest import Project

from sharedstate.stack import Stack, StackInfo, postgres
from sharedstate.stack.keys import read_keys

# Notices, no warnings, each with the reason why it stands.
ACCEPTED = {
    # Indexes of a database that has just been made: nothing has used them yet.
    "unused_index": "",
    # The private schema: these are read and written by security definer functions alone, so no
    # policy lets anybody in, which is the point.
    "rls_enabled_no_policy": "`core.",
}


def test_the_advisors_find_nothing_that_has_no_reason(project: Project, stack: StackInfo) -> None:
    output = project.succeed(
        *("--output-format", "json", "db", "advisors", "--level", "info"),
        database=stack.database_url,
    )
    findings = json.loads(output)["results"]
    assert findings, "a fresh database has at least unused indexes: did the advisors look at all?"
    unexpected = [
        (finding["level"], finding["name"], finding["detail"])
        for finding in findings
        if finding["level"] != "INFO"
        or finding["name"] not in ACCEPTED
        or ACCEPTED[finding["name"]] not in finding["detail"]
    ]
    assert unexpected == []


def test_the_advisors_do_look(project: Project, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table public.open (id integer)")
    done = project.run(
        *("--output-format", "json", "db", "advisors", "--fail-on", "error"), database=database
    )
    assert done.returncode != 0
    assert "rls_disabled_in_public" in done.stdout + done.stderr


@pytest.fixture
def checked_database(stack: StackInfo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A stack of its own with plpgsql_check, which only a superuser can add, as on the platform."""
    with psycopg.connect(stack.database_url) as connection:
        known = connection.execute(
            "select 1 from pg_available_extensions where name = 'plpgsql_check'"
        ).fetchone()
    if known is None:
        pytest.skip("this Postgres has no plpgsql_check, which `supabase db lint` needs")
    own = Stack(tmp_path_factory.mktemp("checked"), db_port=None, api_port=None)
    try:
        info = own.up()
        keys = read_keys(own.home.keys_file)
        assert keys is not None
        with postgres.connect(
            info.db_port,
            user="supabase_admin",
            password=keys.supabase_admin_password,
            database=postgres.DATABASE,
        ) as admin:
            admin.execute("create extension plpgsql_check schema extensions")
        yield info.database_url
    finally:
        own.down()


def test_plpgsql_check_finds_nothing(project: Project, checked_database: str) -> None:
    command = ("db", "lint", "--schema", "public,core", "--fail-on", "warning")
    project.succeed(*command, database=checked_database)
    with psycopg.connect(checked_database, autocommit=True) as connection:
        connection.execute(
            """create function core.broken() returns integer language plpgsql
               as 'begin return (select nothing from nowhere); end'"""
        )
    assert project.run(*command, database=checked_database).returncode != 0
