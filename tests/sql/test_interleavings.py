"""Two transactions at once, each stopped where it matters."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from tests.sql.support import Api, Row

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def transaction(api: Api) -> Iterator[Connection]:
    """An open transaction of an agent of the workspace; rolled back unless committed."""
    with psycopg.connect(api.stack.database_url) as connection:
        connection.execute(
            "select set_config('request.jwt.claims', %s, false)",
            [json.dumps({"role": "authenticated", "workspace": api.workspace})],
        )
        connection.commit()
        yield connection
        connection.rollback()


class Call(threading.Thread):
    """A statement in a transaction of its own, which it commits."""

    def __init__(self, api: Api, query: str) -> None:
        super().__init__()
        self.api = api
        self.query = query
        self.rows: list[tuple[Any, ...]] = []
        self.pid = 0
        self.start()

    def run(self) -> None:
        with transaction(self.api) as connection:
            self.pid = connection.info.backend_pid
            self.rows = connection.execute(self.query.encode()).fetchall()
            connection.commit()

    def await_lock(self) -> None:
        """Until it waits for somebody's lock."""
        until = time.monotonic() + 10
        while self.api.sql("select cardinality(pg_blocking_pids(%s)) > 0", self.pid) != [(True,)]:
            assert self.is_alive(), "it did not wait"
            assert time.monotonic() < until
            time.sleep(0.01)

    def finish(self) -> list[tuple[Any, ...]]:
        self.join(60)
        assert not self.is_alive()
        return self.rows


def test_a_publication_that_overlaps_a_checkout_is_told_to_who_checked_out(api: Api) -> None:
    with transaction(api) as checkout:
        checkout.execute(
            """select public.checkout_subsystem(
                 'power', 'power_agent', 'run-1', reads => '{skeleton}')"""
        )
        publication = Call(
            api,
            """select version from public.update_subsystem_interfaces(
                 'skeleton', '{"width": 1}', 'skeleton_agent')""",
        )
        publication.await_lock()
        checkout.commit()
    assert publication.finish() == [(1,)]
    (entry,) = api.log("inputs_changed")
    assert (entry["details"]["subsystem"], entry["details"]["seen_version"]) == ("power", 0)


def test_a_status_does_not_wait_for_a_checkout_that_reads_its_subsystem(api: Api) -> None:
    with transaction(api) as checkout:
        checkout.execute(
            """select public.checkout_subsystem(
                 'power', 'power_agent', 'run-1', reads => '{skeleton}')"""
        )
        row: Row = api.do(
            "update_subsystem_status", subsystem="skeleton", status={}, execution_id="run-2"
        )
        assert row["version"] == 2


def test_a_checkout_that_waited_for_a_writer_sees_what_blocks_it_since(api: Api) -> None:
    lease = api.lock("power", "power_agent")
    api.do(
        "release_lock",
        resource_type="subsystem",
        resource_name="power",
        execution_id="run-1",
        fencing_token=lease["fencing_token"],
    )
    with transaction(api) as writer:
        writer.execute(
            """select from core.fencing_counters
               where workspace = %s and resource_name = 'power' for key share""",
            [api.workspace],
        )
        checkout = Call(
            api,
            """select (c.lease).fencing_token, cardinality(c.blocked_by)
               from public.checkout_subsystem('power', 'power_agent', 'run-2') as c""",
        )
        checkout.await_lock()
        api.do(
            "log_conflict",
            severity="critical",
            source="shell_agent",
            target="power_agent",
            description="it burns",
            blocks=["power_agent"],
        )
        writer.commit()
    assert checkout.finish() == [(None, 1)]
    assert api.rows("agent_locks") == []


def test_a_reader_of_a_thousand_subsystems_fills_no_table_of_locks(api: Api) -> None:
    names = "array(select 'part_' || n from generate_series(1, 1000) as n)"
    with transaction(api) as checkout:
        checkout.execute(
            f"select public.checkout_subsystem('power', 'a', 'run-1', reads => {names})".encode()
        )
        held = checkout.execute(
            "select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'"
        ).fetchone()
    # The places, and the counter of what it locked.
    assert held == (64 + 1,)
