"""Saving a database to a file and loading it again, and what a restore has to bring back."""

from __future__ import annotations

from pathlib import Path

from tests.operations.databases import Database

from sharedstate_ops.backup import Backup, back_up, restore

GAP = 1_000_000
ROWS = """
select jsonb_build_object(
  'subsystems', (
    select jsonb_agg(to_jsonb(t) - 'version' order by workspace, name) from subsystems as t
  ),
  'conflicts', (
    select jsonb_agg(to_jsonb(t) order by workspace, conflict_id) from conflicts as t
  ),
  'designs', (
    select jsonb_agg(to_jsonb(t) order by workspace, subsystem_name, version)
    from subsystem_designs as t where version < 1000000
  ),
  'logs', (
    select jsonb_agg(to_jsonb(t) - 'transaction_id' order by id)
    from agent_activity_logs as t where activity <> 'database_restored'
  )
)
"""


def save(database: Database, path: Path) -> Backup:
    with database.connect() as connection:
        return back_up(connection, database.environment, path)


def load(database: Database, path: Path, *, force: bool = False, gap: int = GAP) -> list[str]:
    with database.connect() as connection:
        return restore(connection, database.environment, path, force=force, gap=gap)
