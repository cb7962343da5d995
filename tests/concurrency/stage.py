"""Two transactions side by side, each open until it is told to end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from sharedstate_ops.stack import StackInfo

Row = dict[str, Any]


class Session:
    """One transaction in a workspace, open until `commit` or `rollback`."""

    def __init__(self, stack: StackInfo, workspace: str) -> None:
        self.connection = psycopg.connect(stack.database_url)
        self.pid = self.connection.info.backend_pid
        # As PostgREST would: without claims, cleanup takes it for psql and works everywhere.
        for name, value in (("headers", {"x-workspace": workspace}), ("jwt.claims", {"iss": "x"})):
            self.connection.execute(
                "select set_config(%s, %s, false)", [f"request.{name}", json.dumps(value)]
            )
        self.connection.execute("set lock_timeout = '20s'")
        self.connection.commit()

    def call(self, name: str, **arguments: Any) -> list[Any]:
        """The rows of an RPC, within the transaction."""
        values = {key: Jsonb(v) if isinstance(v, dict) else v for key, v in arguments.items()}
        named = ", ".join(f"{key} => %({key})s" for key in values)
        query = f"select to_jsonb(answer) from public.{name}({named}) as answer"
        return [row for (row,) in self.connection.execute(query.encode(), values)]

    def commit(self) -> None:
        self.connection.commit()

    def rollback(self) -> None:
        self.connection.rollback()

    def call_and_commit(self, name: str, **arguments: Any) -> list[Any]:
        rows = self.call(name, **arguments)
        self.commit()
        return rows


class Waiting:
    """A call of another session that has to wait for the transaction that is open now."""

    def __init__(self, future: Future[list[Any]]) -> None:
        self._future = future

    def rows(self) -> list[Any]:
        return self._future.result(timeout=20)

    def slug(self) -> str:
        """The slug of the error that it ends in."""
        with pytest.raises(psycopg.Error) as caught:
            self.rows()
        return str(caught.value.diag.message_primary)


class Stage:
    """Two sessions, and a look at who waits."""

    def __init__(self, stack: StackInfo, workspace: str) -> None:
        self.first, self.second = (Session(stack, workspace) for _ in range(2))
        self._watch = psycopg.connect(stack.database_url, autocommit=True)
        self._pool = ThreadPoolExecutor(1)

    def second_waits(self, name: str, **arguments: Any) -> Waiting:
        """Start a call in the second session and come back when it waits for the first one."""
        return self._second_waits(self.second.call_and_commit, name, arguments)

    def _second_waits(self, call: Callable[..., list[Row]], name: str, arguments: Row) -> Waiting:
        future = self._pool.submit(call, name, **arguments)
        deadline = time.monotonic() + 10
        while not self._blocked():
            assert not future.done(), (
                f"{name} did not wait: {future.exception() or future.result()}"
            )
            assert time.monotonic() < deadline, f"{name} neither waited nor ended"
        return Waiting(future)

    def _blocked(self) -> bool:
        found = self._watch.execute("select pg_blocking_pids(%s)", [self.second.pid]).fetchone()
        return found is not None and found[0] == [self.first.pid]

    def ends_in(self, lease: Row, seconds: float) -> None:
        """Make it end so soon, by the database's clock."""
        row = self._watch.execute(
            "update agent_locks set expires_at = clock_timestamp() + %s * interval '1 s' "
            "where workspace = %s and resource_name = %s returning to_jsonb(expires_at)",
            [seconds, lease["workspace"], lease["resource_name"]],
        ).fetchone()
        assert row is not None
        lease["expires_at"] = row[0]

    def wait_for_the_end_of(self, lease: Row) -> None:
        """Until the database's clock has passed it."""
        self._watch.execute(
            "select pg_sleep(extract(epoch from %s::timestamptz - clock_timestamp()) + 0.01)",
            [lease["expires_at"]],
        )

    def close(self) -> None:
        for connection in (self.first.connection, self.second.connection, self._watch):
            connection.close()
        self._pool.shutdown()
