"""Connections to a database: opened, or why not."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg2
from psycopg2 import extensions, sql

from sharedstate_ops.stack.errors import NoConnection

Statement = str | bytes | sql.Composable
Values = Sequence[Any] | Mapping[str, Any] | None


class Connection:
    """A connection in autocommit mode; the end of a `with` closes it.

    By psycopg2: each command would wait four times as long for the import of psycopg 3. It does not
    block, because Ctrl-C could not end what waits in libpq.

    >>> with connect(address) as connection:
    ...     (number,) = connection.execute("select %s + 1", [1]).fetchone()
    """

    # A statement that takes longer raises OperationalError, and the connection has ended.
    patience_s: float | None = None

    def __init__(self, address: str, *, timeout: float) -> None:
        self._connection = psycopg2.connect(
            address, async_=True, application_name="sharedstate", client_encoding="utf-8"
        )
        try:
            self._wait(timeout)
        except BaseException:
            self.close()
            raise

    def execute(self, statement: Statement, values: Values = None) -> extensions.cursor:
        """The cursor with its rows, of which none is left in the database."""
        cursor = self._connection.cursor()
        cursor.execute(statement, values)
        self._wait(self.patience_s)
        return cursor

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits at the end; after an exception rolls back."""
        self.execute("begin")
        try:
            yield
        except BaseException:
            with contextlib.suppress(psycopg2.Error):  # of a connection that is lost
                self.execute("rollback")
            raise
        self.execute("commit")

    def hashed(self, password: str, role: str) -> str:
        """What the database would store of a password, which itself then need not be sent."""
        return extensions.encrypt_password(password, role, self._connection, "scram-sha-256")

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, timeout: float | None) -> None:
        """Until what was begun is done."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (state := self._connection.poll()) != extensions.POLL_OK:
            socket = select.poll()
            socket.register(
                self._connection,
                select.POLLIN if state == extensions.POLL_READ else select.POLLOUT,
            )
            left_ms = None if deadline is None else max(0, deadline - time.monotonic()) * 1000
            if not socket.poll(left_ms):
                self.close()
                raise psycopg2.OperationalError("timeout expired")


def connect(address: str, *, timeout: float = 10, bare: bool = True) -> Connection:
    """A connection; `timeout` (to connect) in seconds. NoConnection when there is none.

    `bare`: without what the environment says about other servers.
    """
    try:
        with without_libpq_variables() if bare else contextlib.nullcontext():
            return Connection(address, timeout=timeout)
    except psycopg2.OperationalError as error:
        reason = reason_of(error)
        port = extensions.parse_dsn(address).get("port", 5432)
        message = f"the database on port {port} takes no connection: {reason}"
        hint = "`sharedstate up` starts what does not run, and sets passwords as in keys.json."
        answered = "FATAL:" in str(error) or "no password supplied" in reason
        raise NoConnection(message, reason=reason, hint=hint, answered=answered) from error


def reason_of(error: psycopg2.Error) -> str:
    """The line of an error that tells: libpq puts the address before it and a question behind."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    telling = next((line for line in lines if " failed: " in line), lines[0])
    return telling.rpartition(" failed: ")[2].removeprefix("FATAL:").strip()


# While one thread has taken the variables away, another must not see them come back.
_environment = threading.Lock()


@contextlib.contextmanager
def without_libpq_variables() -> Iterator[None]:
    """Without PGSERVICE, PGSSLMODE, PGHOSTADDR and their like, which are about other servers.

    No option of a connection overrides PGSERVICE.
    """
    with _environment:
        names = [name for name in os.environ if name.startswith("PG")]
        taken = {name: os.environ.pop(name) for name in names}
        try:
            yield
        finally:
            os.environ.update(taken)
