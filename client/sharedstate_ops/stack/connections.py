"""Connections to a database: opened, or why not."""

from __future__ import annotations

import contextlib
import os
import threading
import traceback
from collections.abc import Iterator

import psycopg
from psycopg.conninfo import conninfo_to_dict

from sharedstate_ops.stack.errors import NoConnection

# Of rows of any kind: who asks knows what comes.
Connection = psycopg.Connection[tuple[object, ...]]


def connect(address: str, *, timeout: int = 10, bare: bool = True) -> Connection:
    """An autocommit connection; `timeout` (to connect) in seconds. NoConnection when there is none.

    `bare`: without what the environment says about other servers.
    """
    try:
        with without_libpq_variables() if bare else contextlib.nullcontext():
            return psycopg.connect(
                address,
                connect_timeout=timeout,
                autocommit=True,
                application_name="sharedstate",
            )
    except psycopg.OperationalError as error:
        # They hold a connection that timed out, and a server that ends would wait a minute for it.
        traceback.clear_frames(error.__traceback__)
        reason = reason_of(error)
        port = conninfo_to_dict(address).get("port", 5432)
        message = f"the database on port {port} takes no connection: {reason}"
        hint = "`sharedstate up` starts what does not run, and sets passwords as in keys.json."
        raise NoConnection(message, reason=reason, hint=hint) from error


def reason_of(error: psycopg.Error) -> str:
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
