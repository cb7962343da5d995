"""Which database a command works on: the environment's, the running stack's, or `.env`'s."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from dotenv import dotenv_values
from psycopg.conninfo import conninfo_to_dict

from sharedstate.stack import Stack, StackError
from sharedstate.stack.errors import StackTimeout
from sharedstate.stack.paths import Home
from sharedstate.stack.postgres import reason_of
from sharedstate.stack.progress import Progress, silent

_LIBPQ = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
}
_FINAL = ("password authentication failed", "does not exist", "no pg_hba.conf entry")


@dataclass(frozen=True)
class Target:
    """A database, reached as its owner."""

    database_url: str
    source: str

    def libpq_environment(self) -> dict[str, str]:
        """The address as PG* variables."""
        parts = conninfo_to_dict(self.database_url)
        return {_LIBPQ[name]: str(value) for name, value in parts.items() if name in _LIBPQ}

    @contextlib.contextmanager
    def connect(
        self, *, timeout: float = 30, progress: Progress = silent
    ) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        """An autocommit connection; waits up to `timeout` seconds until the database is ready."""
        deadline = time.monotonic() + timeout
        told = False
        while True:
            try:
                connection = psycopg.connect(self.database_url, autocommit=True, connect_timeout=5)
                break
            except psycopg.OperationalError as error:
                reason = reason_of(error)
                if any(text in reason for text in _FINAL):
                    raise StackError(
                        f"the database of {self.source} refuses us: {reason}",
                        hint="Check DATABASE_URL, or start the stack: sharedstate up",
                    ) from error
                if time.monotonic() > deadline:
                    raise StackTimeout(
                        f"the database of {self.source} was not ready after {timeout:.0f} s: "
                        f"{reason}",
                        hint="Is it running? `sharedstate status` tells, `sharedstate up` starts.",
                    ) from error
                if not told:
                    progress(f"waiting for the database of {self.source}")
                    told = True
                # A server that is not there yet gives nothing to wait on.
                time.sleep(0.1)
        with connection:
            yield connection


def find_target(home: Home) -> Target:
    """DATABASE_URL of the environment, else the running stack, else DATABASE_URL of `.env`."""
    given = os.environ.get("DATABASE_URL")
    if given:
        return Target(given, "DATABASE_URL")
    stack = Stack(home.root)
    if stack.anything_runs():
        return Target(stack.info.database_url, "the running stack")
    values = dotenv_values(home.env_file) if home.env_file.is_file() else {}
    stored = values.get("DATABASE_URL")
    if stored:
        return Target(stored, str(home.env_file))
    raise StackError(
        "no database is known: no DATABASE_URL, no running stack, no .env.",
        hint="Start the embedded stack: sharedstate up",
    )
