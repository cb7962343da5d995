"""The queue grows and shrinks within seconds, so what the planner knows of it is often wrong.

It may have looked when there was none: then every plan seems to cost the same, and one that reads
all for each row has brought a crowd of 200 to a halt.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from tests.operations.databases import Database

from sharedstate_ops.stack.connections import Connection

CROWD = 200
# Some for each who waits. Plans that read all for each took 100 and more.
FEW = 20 * CROWD
TABLES = ("lock_tickets", "lock_ticket_resources", "agent_locks", "fencing_counters")


def rows_read(connection: Connection, query: str, *values: object) -> int:
    """How many rows a statement reads of the queue's tables and their indexes."""

    def read() -> int:
        found = connection.execute(
            """select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::integer
               from pg_stat_xact_user_tables where relname = any(%s)""",
            [list(TABLES)],
        ).fetchone()
        assert found is not None and isinstance(found[0], int)
        return found[0]

    with connection.transaction():
        before = read()  # what earlier statements of this connection read may be counted still
        connection.execute(query.encode(), values)
        return read() - before


def ask(connection: Connection, agent: str) -> str:
    """Ask for the lock, ready to wait."""
    request = str(uuid.uuid4())
    connection.execute(
        """select public.acquire_lock(
             'file', 'crowded', %s::text, %s::text, wait_seconds => 600, request_id => %s)""",
        [agent, f"run-{agent}", request],
    )
    return request


@pytest.fixture
def crowd(database: Callable[..., Database]) -> tuple[Database, list[str]]:
    """So many wait for a lock; statistics say that nobody does."""
    made = database()
    with made.connect() as connection:
        for number in range(CROWD):
            ask(connection, f"early-{number}")
        connection.execute("delete from core.lock_tickets")
        connection.execute("delete from public.agent_locks")
        # Pages without rows; an empty table is taken for one of ten pages.
        connection.execute("vacuum (truncate false, analyze)")
        # However slow this machine is, nobody of the crowd falls silent.
        connection.execute(
            "alter table core.lock_tickets alter column alive_until set default 'infinity'"
        )
        return made, [ask(connection, f"waiter-{number}") for number in range(CROWD)]


def test_the_last_of_a_crowd_is_told_so_with_few_reads(
    crowd: tuple[Database, list[str]],
) -> None:
    database, requests = crowd
    with database.connect() as connection:
        reads = rows_read(connection, "select public.wait_for_lock(%s)", requests[-1])
    assert 100 < reads < FEW  # a place is counted up to 100


def test_one_more_joins_a_crowd_with_few_reads(crowd: tuple[Database, list[str]]) -> None:
    database, _ = crowd
    with database.connect() as connection:
        reads = rows_read(
            connection,
            """select public.acquire_lock(
                 'file', 'crowded', 'late', 'run-late', wait_seconds => 600,
                 request_id => gen_random_uuid())""",
        )
    assert reads < FEW


def test_waiters_of_a_crowd_that_all_hold_something_do_not_each_walk_along_the_line(
    crowd: tuple[Database, list[str]],
) -> None:
    """A search for a deadlock does; but nobody waits for what they hold."""
    database, requests = crowd
    poll = "select public.wait_for_lock(%s)"
    with database.connect() as connection:
        empty_handed = rows_read(connection, poll, requests[-1])
        for number in range(CROWD):
            connection.execute(
                """select public.acquire_lock('file', 'own-' || %(n)s, 'waiter-' || %(n)s,
                     'run-waiter-' || %(n)s)""",
                {"n": number},
            )
        reads = rows_read(connection, poll, requests[-1])
        # At worst, as the planner knows nothing, each lease is looked at once.
        assert reads < empty_handed + 2 * CROWD
        # That a search would show: somebody waits for what the last one holds.
        connection.execute(
            """select public.acquire_lock('file', %s, 'late', 'run-late', wait_seconds => 600,
                 request_id => gen_random_uuid())""",
            [f"own-{CROWD - 1}"],
        )
        assert rows_read(connection, poll, requests[-1]) > empty_handed + 3 * CROWD


def test_a_release_finds_the_next_of_a_crowd_with_few_reads(
    crowd: tuple[Database, list[str]],
) -> None:
    database, _ = crowd
    with database.connect() as connection:
        reads = rows_read(connection, "delete from public.agent_locks")
    assert reads < FEW


def test_the_line_of_a_crowd_is_shown_with_few_reads(
    crowd: tuple[Database, list[str]],
) -> None:
    database, _ = crowd
    with database.connect() as connection:
        reads = rows_read(connection, "select public.get_lock_status('file', 'crowded')")
    assert CROWD < reads < FEW


def test_a_holder_that_waits_looks_for_a_deadlock_with_few_reads(
    crowd: tuple[Database, list[str]],
) -> None:
    database, _ = crowd
    with database.connect() as connection:
        connection.execute(
            """select public.acquire_lock('file', 'other', 'holder', 'run-holder',
                 request_id => gen_random_uuid())"""
        )
        reads = rows_read(
            connection,
            """select public.acquire_lock(
                 'file', 'crowded', 'holder', 'run-holder', wait_seconds => 600,
                 request_id => gen_random_uuid())""",
        )
    assert reads < FEW
