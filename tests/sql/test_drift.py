"""sql/ and supabase/migrations/ say the same: as text, and as databases."""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.binaries import postgres_program

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "scripts" / "build_migration.py"


def test_the_baseline_migration_is_built_from_the_sources() -> None:
    done = subprocess.run(
        [sys.executable, str(BUILD), "--check"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def databases(stack: StackInfo) -> Iterator[list[str]]:
    """Addresses of two empty databases; they are dropped afterwards."""
    names = [f"drift_{uuid.uuid4().hex[:12]}" for _ in range(2)]
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield [
                make_conninfo("", **{**conninfo_to_dict(stack.database_url), "dbname": name})
                for name in names
            ]
        finally:
            for name in names:
                connection.execute(
                    sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
                )


def apply(address: str, files: list[Path]) -> None:
    """Run files as the platform's `postgres` does, after what its images grant by default."""
    with psycopg.connect(address, autocommit=True) as connection:
        for kind in ("tables", "functions", "sequences"):
            connection.execute(
                f"alter default privileges in schema public grant all on {kind} "
                "to anon, authenticated, service_role".encode()
            )
        for path in files:
            connection.execute(path.read_bytes())


def dump(address: str) -> list[str]:
    """The schema with privileges and comments, as text."""
    done = subprocess.run(
        [str(postgres_program("pg_dump")), "--schema-only", address],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    # pg_dump guards its output with a random word; comments of its own name nothing of ours; and
    # Debian's Postgres 15 shows a number of the server's own with each column of a primary key.
    passed_over = re.compile(r"\\(un)?restrict |--|ALTER TABLE .* SET \(pg_attver=")
    return [line for line in done.stdout.splitlines() if not passed_over.match(line)]


def source_files() -> list[Path]:
    """sql/ in the order of the build script, which the first test holds to the migration."""
    files = sorted(
        (ROOT / "sql").rglob("*.sql"),
        key=lambda path: (
            path.relative_to(ROOT / "sql").parts[0],
            path.name != "tables.sql",
            path.name.startswith("get_"),
            path.name,
        ),
    )
    assert len(files) > 50
    return files


def test_a_database_from_the_sources_equals_one_from_the_migrations(databases: list[str]) -> None:
    apply(databases[0], source_files())
    apply(databases[1], sorted((ROOT / "supabase" / "migrations").glob("*.sql")))
    from_sources, from_migrations = (dump(address) for address in databases)
    assert len(from_sources) > 1000
    difference = list(
        difflib.unified_diff(from_sources, from_migrations, "sql", "migrations", lineterm="", n=1)
    )
    assert "\n".join(difference) == ""


def test_the_running_stack_has_the_same_functions_tables_and_grants(
    stack: StackInfo, databases: list[str]
) -> None:
    """No part of the stack adds to `core` or `public` behind the migrations' back."""
    apply(databases[0], source_files())

    def ours(address: str) -> list[str]:
        with psycopg.connect(address) as connection:
            rows = connection.execute(
                """
                select 'function ' || oid::regprocedure || ' ' || prosecdef || ' '
                  || coalesce(proacl::text, '') || md5(prosrc) || coalesce(proconfig::text, '')
                from pg_proc where pronamespace::regnamespace::text in ('core', 'public')
                union all
                select 'relation ' || oid::regclass || ' ' || relkind::text || relrowsecurity::text
                  || coalesce(relacl::text, '')
                from pg_class where relnamespace::regnamespace::text in ('core', 'public')
                union all
                select 'policy ' || polname || polrelid::regclass || polcmd::text
                  || pg_get_expr(polqual, polrelid)
                from pg_policy
                order by 1
                """
            ).fetchall()
        return [str(line) for (line,) in rows]

    assert ours(stack.database_url) == ours(databases[0])
