"""What the Supabase CLI finds to say about the database: nothing without a reason."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.supabase_cli.conftest import Project
from tests.tools import unavailable

from sharedstate_ops.stack import Stack, StackInfo
from sharedstate_ops.stack.connections import connect
from sharedstate_ops.stack.keys import read_keys

# Notices, no warnings, each with the reason why it stands.
ACCEPTED = {
    # Indexes of a database that has just been made: nothing has used them yet.
    "unused_index": "",
    # The private schema: these are read and written by security definer functions alone, so no
    # policy lets anybody in, which is the point.
    "rls_enabled_no_policy": "`core.",
}


Finding = tuple[str, str, str]  # level, name, detail


def unexpected(findings: list[Finding]) -> list[Finding]:
    """Those that have no reason to stand."""
    return [
        (level, name, detail)
        for level, name, detail in findings
        if level != "INFO" or name not in ACCEPTED or ACCEPTED[name] not in detail
    ]


def test_the_advisors_find_nothing_that_has_no_reason(project: Project, stack: StackInfo) -> None:
    output = project.succeed(
        *("--output-format", "json", "db", "advisors", "--level", "info"),
        database=stack.database_url,
    )
    findings = [
        (finding["level"], finding["name"], finding["detail"])
        for finding in json.loads(output)["results"]
    ]
    assert findings, "a fresh database has at least unused indexes: did the advisors look at all?"
    assert unexpected(findings) == []


def test_the_advisors_do_look(project: Project, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table public.open (id integer)")
    done = project.run(
        *("--output-format", "json", "db", "advisors", "--fail-on", "error"), database=database
    )
    assert done.returncode != 0
    assert "rls_disabled_in_public" in done.stdout + done.stderr


def splinter(address: str) -> list[Finding]:
    """What the newest lints find: the CLI carries 23 of the 28, no package has them all."""
    script = os.environ.get("SHAREDSTATE_SPLINTER_SQL")
    if script is None:
        pytest.skip("SHAREDSTATE_SPLINTER_SQL names no splinter.sql (github.com/supabase/splinter)")
    with psycopg.connect(address) as connection:
        connection.execute("set local pgrst.db_schemas = 'public'")
        settings, query = Path(script).read_bytes().split(b";", 1)
        connection.execute(settings)
        rows = connection.execute(query).fetchall()
    return [(row[2], row[0], row[6]) for row in rows]


def test_all_lints_of_splinter_find_nothing_that_has_no_reason(stack: StackInfo) -> None:
    findings = splinter(stack.database_url)
    assert findings
    assert unexpected(findings) == []


def test_splinter_does_look(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            """create table public.open (id integer);
               create function public.powerful() returns integer language sql security definer
               as 'select 1'"""
        )
    names = {name for _, name, _ in splinter(database)}
    assert {
        "rls_disabled_in_public",
        "function_search_path_mutable",
        "anon_security_definer_function_executable",
        "authenticated_security_definer_function_executable",
    } <= names


def checking_server() -> Path | None:
    """The programs of a Postgres from Debian that has plpgsql_check."""
    found = sorted(Path("/usr/share/postgresql").glob("*/extension/plpgsql_check.control"))
    return Path("/usr/lib/postgresql", found[-1].parts[-3], "bin") if found else None


@pytest.fixture
def checked_database(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A stack of its own with plpgsql_check, which only a superuser can add, as on the platform."""
    server = checking_server()
    if server is None:
        unavailable(
            "no Postgres has plpgsql_check here (Debian: postgresql-15-plpgsql-check)",
            "plpgsql_check",
        )
    monkeypatch.setenv("SHAREDSTATE_POSTGRES_BIN", str(server))
    own = Stack(tmp_path_factory.mktemp("checked"))
    try:
        info = own.up()
        keys = read_keys(own.home.keys_file)
        assert keys is not None
        with connect(keys.address(info.db_port, "supabase_admin")) as admin:
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
