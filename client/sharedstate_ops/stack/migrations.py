"""Applying `supabase/migrations`, with the same ledger as the Supabase CLI, so that both agree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import psycopg

from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.paths import asset
from sharedstate_ops.stack.progress import Progress, silent

_FILE_NAME = re.compile(r"(\d{14})_(\w+)\.sql")
# How each of ours begins. The ledger keeps it, whoever applied the file, and so tells ours from the
# migrations of others, also to a release that lacks the file.
MARKER = "-- A migration of sharedstate."
# Any constant will do; it only has to be the same in every process.
ADVISORY_LOCK = 7_240_519_364_021_187
LEDGER = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (
  version text not null primary key
);
alter table supabase_migrations.schema_migrations add column if not exists statements text[];
alter table supabase_migrations.schema_migrations add column if not exists name text;
"""


@dataclass(frozen=True)
class Migration:
    """One file: 14 digits of version, a name, its text."""

    version: str
    name: str
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")


def available(folder: Path | None = None) -> list[Migration]:
    """The migrations that come with the package, oldest first."""
    folder = folder or asset("supabase", "migrations")
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise StackError(
                f"{path} is no name for a migration.",
                hint="Name it with 14 digits, an underscore and a verb: 20261122000000_add_x.sql",
            )
        found.append(Migration(match.group(1), match.group(2), path))
    return found


def applied_versions(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """The versions in the ledger, oldest first; none when there is no ledger yet."""
    known = connection.execute("select to_regclass('supabase_migrations.schema_migrations')")
    row = known.fetchone()
    if row is None or row[0] is None:
        return []
    rows = connection.execute(
        "select version from supabase_migrations.schema_migrations order by version"
    )
    return [str(version) for (version,) in rows]


def pending(
    connection: psycopg.Connection[tuple[object, ...]], folder: Path | None = None
) -> list[Migration]:
    """What is available and not applied."""
    done = set(applied_versions(connection))
    return [migration for migration in available(folder) if migration.version not in done]


def changed(
    connection: psycopg.Connection[tuple[object, ...]], folder: Path | None = None
) -> list[Migration]:
    """Applied migrations whose file says something else now: the database has the old text."""
    if not applied_versions(connection):
        return []
    rows = connection.execute(
        """select version, array_to_string(statements, '')
           from supabase_migrations.schema_migrations where statements is not null"""
    )
    applied = {str(version): bare(str(text)) for version, text in rows}
    return [
        migration
        for migration in available(folder)
        if migration.version in applied and applied[migration.version] != bare(migration.text)
    ]


def bare(text: str) -> str:
    """Without what the Supabase CLI, which records each statement for itself, may have left out."""
    return re.sub(r"[\s;]+", "", text)


def apply_pending(
    connection: psycopg.Connection[tuple[object, ...]],
    *,
    folder: Path | None = None,
    progress: Progress = silent,
) -> list[Migration]:
    """Apply what is missing, each file in one transaction with its row in the ledger.

    The connection is in autocommit mode. Two runs at once wait for each other and the second finds
    nothing to do. Raises StackError with file, line and reason; earlier files stay applied.
    """
    if not pending(connection, folder):
        return []
    connection.execute("select pg_advisory_lock(%s)", [ADVISORY_LOCK])
    try:
        with connection.transaction():
            connection.execute("set local client_min_messages = warning")
            connection.execute(LEDGER)
        todo = pending(connection, folder)
        for migration in todo:
            progress(f"applying migration {migration.version}_{migration.name}")
            _apply(connection, migration)
        if todo:
            connection.execute("notify pgrst, 'reload schema'")
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", [ADVISORY_LOCK])
    return todo


def _apply(connection: psycopg.Connection[tuple[object, ...]], migration: Migration) -> None:
    text = migration.text
    try:
        with connection.transaction():
            connection.execute("set local statement_timeout = 0")
            connection.execute(text.encode())
            # The file as one statement: the CLI splits it, but reads this as well.
            connection.execute(
                """insert into supabase_migrations.schema_migrations (version, name, statements)
                   values (%s, %s, %s)""",
                [migration.version, migration.name, [text]],
            )
    except psycopg.Error as error:
        raise StackError(
            f"migration {migration.path.name} failed{_line_of(text, error)}: "
            f"{error.diag.message_primary or error}",
            hint=error.diag.message_hint or "Nothing of this file was applied.",
        ) from error


def _line_of(text: str, error: psycopg.Error) -> str:
    position = error.diag.statement_position
    if position is None:
        return ""
    return f" at line {text.count(chr(10), 0, int(position)) + 1}"
