"""Applying `supabase/migrations`, with the same ledger as the Supabase CLI, so that both agree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psycopg2

from sharedstate_ops.stack.connections import Connection
from sharedstate_ops.stack.errors import Progress, StackError, silent
from sharedstate_ops.stack.paths import asset

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
    found = []
    for path in sorted((folder or asset("supabase", "migrations")).glob("*.sql")):
        version, _, name = path.stem.partition("_")
        if not re.fullmatch(r"\d{14}_\w+", path.stem):
            raise StackError(
                f"{path} is no name for a migration.",
                hint="Name it with 14 digits, an underscore and a verb: 20261122000000_add_x.sql",
            )
        found.append(Migration(version, name, path))
    return found


def ledger(connection: Connection) -> dict[str, str]:
    """The text of each applied migration by its version, oldest first; "" where none is noted."""
    known = connection.execute("select to_regclass('supabase_migrations.schema_migrations')")
    if known.fetchone() == (None,):
        return {}
    rows = connection.execute(
        # By way of JSON, because a ledger that others made may have no statements.
        """select version, array(select jsonb_array_elements_text(
             nullif(to_jsonb(s) -> 'statements', 'null')))
           from supabase_migrations.schema_migrations as s order by version"""
    )
    return {str(version): ";\n".join(cast("list[str]", texts)) for version, texts in rows}


def pending(connection: Connection, folder: Path | None = None) -> list[Migration]:
    """What is available and not applied."""
    done = ledger(connection)
    return [migration for migration in available(folder) if migration.version not in done]


def changed(connection: Connection, folder: Path | None = None) -> list[Migration]:
    """Applied migrations whose file says something else now: the database has the old text."""
    applied = {version: bare(text) for version, text in ledger(connection).items() if text}
    return [
        migration
        for migration in available(folder)
        if applied.get(migration.version, bare(migration.text)) != bare(migration.text)
    ]


def bare(text: str) -> str:
    """Without what the Supabase CLI, which records each statement for itself, may have left out."""
    return re.sub(r"[\s;]+", "", text)


def apply_pending(
    connection: Connection, *, folder: Path | None = None, progress: Progress = silent
) -> list[Migration]:
    """Apply what is missing, each file in one transaction with its row in the ledger.

    The connection is in autocommit mode. Two runs at once wait for each other and the second finds
    nothing to do. Raises StackError with file, line and reason; earlier files stay applied. After
    that the connection has to be closed.
    """
    if not pending(connection, folder):
        return []
    # Without a client the server would go on, and keep the next one waiting. After a failure the
    # lock ends with the connection.
    connection.execute(
        "select set_config('client_connection_check_interval', '1s', false), pg_advisory_lock(%s)",
        [ADVISORY_LOCK],
    )
    with connection.transaction():
        connection.execute("set local client_min_messages = warning")
        connection.execute(LEDGER)
    todo = pending(connection, folder)
    for migration in todo:
        progress(f"applying migration {migration.version}_{migration.name}")
        _apply(connection, migration)
    if todo:
        connection.execute("notify pgrst, 'reload schema'")
    connection.execute("select pg_advisory_unlock(%s)", [ADVISORY_LOCK])
    return todo


def _apply(connection: Connection, migration: Migration) -> None:
    text = migration.text
    try:
        with connection.transaction():
            connection.execute("set local statement_timeout = 0")
            connection.execute(text)
            # The file as one statement: the CLI splits it, but reads this as well.
            connection.execute(
                """insert into supabase_migrations.schema_migrations (version, name, statements)
                   values (%s, %s, %s)""",
                [migration.version, migration.name, [text]],
            )
    except psycopg2.Error as error:
        position = error.diag.statement_position
        line = f" at line {text.count(chr(10), 0, int(position)) + 1}" if position else ""
        raise StackError(
            f"migration {migration.path.name} failed{line}: {error.diag.message_primary or error}",
            hint=error.diag.message_hint or "Nothing of this file was applied.",
        ) from error
