"""The pgTAP tests of supabase/tests/, by pg_prove, on a database of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from tests.operations.databases import Database
from tests.tools import ROOT, unavailable

from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.binaries import postgres_program

TESTS = ROOT / "supabase" / "tests"
FOLDERS = sorted(path for path in TESTS.iterdir() if path.is_dir())
# Half a minute on two idle cores.
_SECONDS = 600
PACKAGES = "Debian: postgresql-15-pgtap and libtap-parser-sourcehandler-pgtap-perl"


def pg_prove() -> str:
    """The program, or a skip that says where to get it."""
    found = shutil.which("pg_prove")
    if found is None:
        unavailable(f"pgTAP's runner pg_prove is not installed ({PACKAGES})", "pg_prove")
    return found


def pgtap_script() -> Path:
    """pgTAP for psql: it is SQL alone, and serves servers that it was not packaged for."""
    found = sorted(Path("/usr/share/postgresql").glob("*/extension/pgtap.sql"))
    if not found:
        unavailable(f"pgTAP is not installed ({PACKAGES})", "pgtap")
    return found[-1]


def install_pgtap(database: Database) -> None:
    """As an extension where this server knows it, as `supabase test db` does, else as functions."""
    with database.connect() as connection:
        # As the platform has it.
        connection.execute("create schema extensions")
        connection.execute("grant usage on schema extensions to anon, authenticated, service_role")
        known = connection.execute(
            "select from pg_available_extensions where name = 'pgtap'"
        ).fetchone()
        if known is not None:
            connection.execute("create extension pgtap with schema extensions")
        else:
            _run_pgtap_script(database)
        # Otherwise each file would grant them for itself, which takes a third of its time.
        connection.execute(
            "grant execute on all functions in schema extensions "
            "to anon, authenticated, service_role"
        )


def _run_pgtap_script(database: Database) -> None:
    script = f"set search_path = extensions; \\i {pgtap_script()}\n"
    psql = [str(postgres_program("psql")), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    subprocess.run(psql, env=database.environment, input=script.encode(), check=True)


@pytest.fixture(scope="module")
def database(stack: StackInfo) -> Iterator[Database]:
    """A database with our schema and pgTAP."""
    pg_prove()
    name = f"pgtap_{uuid.uuid4().hex[:12]}"
    identifier = sql.Identifier(name)
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(identifier))
        try:
            made = Database(stack.database_url.rsplit("/", 1)[0] + f"/{name}")
            made.migrate()
            install_pgtap(made)
            yield made
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(identifier))


def prove(database: Database, *paths: Path) -> subprocess.CompletedProcess[str]:
    psql = postgres_program("psql")
    return subprocess.run(
        [pg_prove(), "--recurse", "--ext", ".sql", "--psql-bin", psql, *paths],
        env={"PATH": os.environ["PATH"], **database.environment},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )


@pytest.mark.timeout(_SECONDS + 60)
def test_pgtap(database: Database) -> None:
    done = prove(database, TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Result: PASS" in done.stdout


def test_a_failed_assertion_is_a_failed_run(database: Database, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sql"
    broken.write_text(
        f"\\i {TESTS}/callers.psql\n"
        "select plan(1);\n"
        "select is(count(*), 3::bigint) from core.workspaces where name like 'pgtap%';\n"
        "select * from finish();\nrollback;\n"
    )
    done = prove(database, broken)
    assert done.returncode != 0
    assert "Failed: 1" in done.stdout


def test_nothing_of_a_test_stays_in_the_database(database: Database) -> None:
    prove(database, TESTS / "acquire_lock")
    assert database.one("select to_regnamespace('tests')") is None
    assert database.one("select count(*) from core.workspaces where name like 'pgtap%%'") == 0


def test_every_function_and_view_of_the_api_has_a_folder(stack: StackInfo) -> None:
    with psycopg.connect(stack.database_url) as connection:
        found = connection.execute(
            """select p.proname from pg_proc as p
               left join pg_depend as d
                 on d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e'
               where p.pronamespace = 'public'::regnamespace and d.objid is null
               union all
               select c.relname from pg_class as c
               where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'"""
        ).fetchall()
    assert {folder.name for folder in FOLDERS} == {name for (name,) in found} | {"invariants"}
