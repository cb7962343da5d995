"""The benchmark of the import, with a log of a few lines."""

from __future__ import annotations

import psycopg

import importing
from sharedstate_ops.stack import StackInfo


def test_the_benchmark_imports_every_line_that_it_wrote(stack: StackInfo) -> None:
    assert importing.measure(stack, lines=200) > 0
    with psycopg.connect(stack.database_url) as connection:
        found = connection.execute(
            "select count(*) from agent_activity_logs "
            "where workspace = 'imported' and import_key is not null"
        ).fetchone()
    assert found == (200,)
