"""A filled database: a big workspace and many small ones, made in bulk by SQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

from scale_sql import ACTIVITY, HELPERS, LARGEST, STEPS
from sharedstate_ops.stack.connections import Connection, connect

BIG, TYPICAL = "robot-0001", "robot-0002"
ENTRIES_PER_TRANSACTION = 1000
CONNECTIONS = 4


@dataclass(frozen=True)
class Sizes:
    """How many rows of each kind; half of them belong to the big workspace."""

    workspaces: int
    activity: int
    conflicts: int
    documents: int
    requests: int


@dataclass(frozen=True)
class Part:
    """One step of the making: what was made, how much of it, in what time."""

    name: str
    rows: int
    seconds: float


@dataclass(frozen=True)
class Space:
    """What a table takes on disk."""

    name: str
    table_bytes: int
    index_bytes: int


def make(database_url: str, sizes: Sizes) -> Iterator[Part]:
    """Fill a database that has nothing but the workspace `default`; VACUUM ANALYZE comes last.

    All indexes and checks stay where they are: rows come to lie as if they had come by and by.
    """
    values = asdict(sizes)
    with connect(database_url) as connection:
        _prepare(connection)
        for statement in HELPERS:
            connection.execute(statement)
        for name, statements in STEPS.items():
            yield _timed(name, partial(_run, connection, statements, values))
        yield _timed("activity entries", partial(_make_activity, database_url, sizes))
        connection.execute("drop schema bench cascade")
        yield _timed("VACUUM ANALYZE", partial(_run, connection, ("vacuum analyze",), None))


def spaces(database_url: str) -> list[Space]:
    """The largest tables, the largest first."""
    with connect(database_url) as connection:
        return [Space(*row) for row in connection.execute(LARGEST)]


def _prepare(connection: Connection) -> None:
    # Only while the data is made: what is measured later waits for the disk as always.
    connection.execute("set synchronous_commit = off")
    connection.execute("select setseed(0.5)")


def _timed(name: str, work: Callable[[], int]) -> Part:
    began = time.perf_counter()
    rows = work()
    return Part(name, rows, time.perf_counter() - began)


def _run(
    connection: Connection,
    statements: tuple[str, ...],
    values: Mapping[str, object] | None,
) -> int:
    """How many rows the first of them made."""
    counts = [connection.execute(statement, values).rowcount for statement in statements]
    return max(counts[0], 0)


def _make_activity(database_url: str, sizes: Sizes) -> int:
    """Roughly in the order of their times, by several connections."""
    firsts = iter(range(0, sizes.activity, ENTRIES_PER_TRANSACTION))

    def work() -> int:
        made = 0
        with connect(database_url) as connection:
            _prepare(connection)
            for first in firsts:
                end = min(first + ENTRIES_PER_TRANSACTION, sizes.activity)
                values = {**asdict(sizes), "first": first, "last": end - 1}
                made += connection.execute(ACTIVITY, values).rowcount
        return made

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return sum(made.result() for made in [threads.submit(work) for _ in range(CONNECTIONS)])
