"""Which database a command works on: the environment's, that of `.env`, or the embedded stack's."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg2
from dotenv import dotenv_values
from psycopg2.extensions import parse_dsn

from sharedstate_ops.env_file import is_ours
from sharedstate_ops.stack.connections import Connection, connect
from sharedstate_ops.stack.errors import NoConnection, Progress, StackError, silent
from sharedstate_ops.stack.paths import Home

VARIABLE = "DATABASE_URL"
# One whose parts are where libpq looks for them. Else it takes a piece of the password for a host
# or a port, and shows it in its error.
_ADDRESS = re.compile(r"postgres(ql)?://(([^@/?#\s%]|%[0-9A-Fa-f]{2})*@)?[^@\s]*")
_FINAL = ("password authentication failed", "does not exist", "no pg_hba.conf entry")


@dataclass(frozen=True)
class Target:
    """A database, reached as its owner. `embedded`: it is that of the embedded stack.

    `address` is asked at each attempt: a stack that is being started has none at first.
    """

    address: Callable[[], str | None]
    source: str
    embedded: bool = False

    @property
    def hint(self) -> str:
        """What to do when it does not answer or refuses us."""
        if self.embedded:
            return "Is it running? `sharedstate status` tells, `sharedstate up` starts it."
        return (
            "Is it running? Of docker compose `docker compose ps` tells, and `docker compose up -d "
            f"--wait` starts it; else check {self._variable}."
        )

    @property
    def _variable(self) -> str:
        return VARIABLE if self.source == VARIABLE else f"{VARIABLE} in {self.source}"

    def _database_url(self) -> str:
        address = self.address()
        if address is None:
            reason = "it has not been started, or its keys are not there, yet"
            raise NoConnection(
                f"the database of {self.source}: {reason}.", reason=reason, hint=self.hint
            )
        try:
            parse_dsn(address)
            if _ADDRESS.fullmatch(address) or not address.startswith("postgres"):
                return address
        except psycopg2.ProgrammingError:
            pass
        # Without libpq's reason, and not raised from it: it quotes the address.
        raise StackError(
            f"{self._variable} is no address that Postgres understands.",
            hint="postgresql://USER:PASSWORD@HOST:PORT/DATABASE. Of the password and the rest, "
            "@ : / ? # %, spaces and the like are written as %40 %3A %2F %3F %23 %25 %20.",
        )

    def answers(self) -> bool:
        """Whether a server listens there, though it may refuse us."""
        try:
            self._connect(timeout=3).close()
        except StackError as error:
            return isinstance(error, NoConnection) and error.answered
        return True

    def environment(self) -> dict[str, str]:
        """The environment in which a program of Postgres finds it, without any argument."""
        # PGSERVICE goes before the other variables, though not before an address; PGSSLMODE and
        # their like are about other servers than the embedded one.
        around = {
            name: text
            for name, text in os.environ.items()
            if name != "PGSERVICE" and not (self.embedded and name.startswith("PG"))
        }
        parts = parse_dsn(self._database_url())
        return around | {_variable_of(name): str(value) for name, value in parts.items()}

    def connect(self, *, timeout: float = 30, progress: Progress = silent) -> Connection:
        """An autocommit connection; waits up to `timeout` seconds until the database is ready."""
        deadline = time.monotonic() + timeout
        waiting = f"waiting for the database of {self.source}"
        while True:
            try:
                return self._connect(timeout=5)
            except NoConnection as error:
                final = any(text in error.reason for text in _FINAL)
                if final or time.monotonic() > deadline:
                    how, hint = "does not answer", self.hint
                    if final:
                        how = "refuses us"
                        hint = hint if self.embedded else f"Check {self._variable}."
                    elif timeout:
                        how = f"was not ready after {timeout:.0f} s"
                    raise StackError(
                        f"the database of {self.source} {how}: {error.reason}", hint=hint
                    ) from error
            if waiting:
                progress(waiting)
                waiting = ""
            # A server that is not there yet gives nothing to wait on.
            time.sleep(0.1)

    def _connect(self, *, timeout: int) -> Connection:
        return connect(self._database_url(), timeout=timeout, bare=self.embedded)


def _variable_of(parameter: str) -> str:
    """The environment variable from which libpq takes a parameter: PGHOST of host."""
    others = {
        "dbname": "PGDATABASE",
        "application_name": "PGAPPNAME",
        "connect_timeout": "PGCONNECT_TIMEOUT",
    }
    return others.get(parameter) or f"PG{parameter.replace('_', '').upper()}"


def _stored_address(path: Path) -> str | None:
    """DATABASE_URL of a `.env`, if any; a password that it refers to by its name is encoded."""
    values = dotenv_values(path)
    address = values.get(VARIABLE)
    named = re.search(r":\$\{(\w+)\}@", dotenv_values(path, interpolate=False).get(VARIABLE) or "")
    password = named and values.get(named[1])
    if address and password:
        address = address.replace(f":{password}@", f":{quote(password, safe='')}@", 1)
    return address


def _env_file(home: Home) -> Target | None:
    stored = _stored_address(home.env_file)
    if not stored:
        return None
    return Target(lambda: stored, str(home.env_file), embedded=is_ours(home.env_file))


def answering_env_file(home: Home) -> Target | None:
    """The database of a `.env` of docker compose or the platform, when it answers."""
    named = _env_file(home)
    return named if named and not named.embedded and named.answers() else None


def find_target(home: Home) -> Target:
    """The database of the environment, of a `.env` of others that answers, else the embedded one.

    Agents in this folder read the same `.env`, so what commands show is what agents see.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        return Target(lambda: given, VARIABLE)
    if target := answering_env_file(home):
        return target
    # Whoever works on a database of others has no use for psutil and the keys of a stack.
    from sharedstate_ops.stack.state import database_address, living_parts

    if living_parts(home):
        return Target(lambda: database_address(home), "the running stack", embedded=True)
    if named := _env_file(home):
        return named
    raise StackError(
        "no database is known: no DATABASE_URL, no running stack, no .env.",
        hint="Start the embedded stack: sharedstate up. Or name a database: DATABASE_URL.",
    )
