"""Steps of a deletion keep their size, also when the planner takes a table for empty.

Then it may run the search for old rows once for each row of the table. A subquery with LIMIT and
SKIP LOCKED finds others each time, and so in the end all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.operations.databases import Database

from sharedstate_ops.stack.connections import Connection


@pytest.fixture
def connection(database: Callable[..., Database]) -> Iterator[Connection]:
    """The planner counted pages without rows; an empty table is taken for one of ten pages."""
    with database().connect() as opened:
        opened.execute(
            """select public.acquire_lock('file', n::text, 'power_agent', 'run-1', 5,
                                          request_id => gen_random_uuid())
               from generate_series(1, 300) as n"""
        )
        for table in ("public.agent_activity_logs", "core.requests", "public.agent_locks"):
            opened.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())
            opened.execute(f"delete from {table}".encode())
        opened.execute("vacuum (truncate false, analyze)")
        yield opened


def test_prune_activity_deletes_no_more_than_its_limit(connection: Connection) -> None:
    connection.execute(
        "select public.log_agent_activity('power_agent', n::text) from generate_series(1, 30) as n"
    )
    connection.execute("update public.agent_activity_logs set timestamp = '2020-01-01 00:00+00'")
    pruned = connection.execute("select public.prune_activity('2020-01-02 00:00+00', 20)")
    assert pruned.fetchone() == (20,)


def test_answers_are_forgotten_500_at_a_time(connection: Connection) -> None:
    connection.execute(
        """select public.log_agent_activity('power_agent', n::text, request_id => gen_random_uuid())
           from generate_series(1, 700) as n"""
    )
    connection.execute("update core.requests set created_at = created_at - interval '25 hours'")
    assert connection.execute("select core.forget_old_requests()").fetchone() == (500,)


def test_each_lapsed_lease_is_taken_away_once(connection: Connection) -> None:
    connection.execute(
        """select public.acquire_lock('file', n::text, 'power_agent', 'run-1')
           from generate_series(1, 30) as n"""
    )
    connection.execute("update public.agent_locks set expires_at = clock_timestamp()")
    assert connection.execute("select public.cleanup_expired_locks()").fetchone() == (30,)
    lost = connection.execute(
        "select count(*) from public.agent_activity_logs where activity = 'lock_lost'"
    )
    assert lost.fetchone() == (30,)
