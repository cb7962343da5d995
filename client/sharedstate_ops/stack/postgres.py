"""Postgres: the data directory, the server process, the roles of the platform."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from psycopg2 import sql

from sharedstate_ops.stack.connections import connect
from sharedstate_ops.stack.errors import NoConnection, Progress, StackError, silent
from sharedstate_ops.stack.keys import DATABASE, Keys
from sharedstate_ops.stack.processes import HOST, lives, run, tail

if TYPE_CHECKING:
    from sharedstate_ops.stack.site import Site

READY_SECONDS = 60.0
_TELL_SECONDS = 10.0
# The same order of text on every machine. Postgres has a UTF-8 locale of its own since 17.
_LOCALE = ("--encoding=UTF8", "--locale=C")
_BUILTIN_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
# Durability stays on: fsync and synchronous_commit have their defaults.
_SETTINGS = {
    "listen_addresses": HOST,
    # TCP only: the path of a socket is limited to 107 bytes, and homes may be deeper.
    "unix_socket_directories": "",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
    # A refused call is its caller's to read: with its statement and detail, each of which may be a
    # document, it would be megabytes of log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


def initialise(site: Site) -> None:
    """Make the data directory; it appears under its name only when it is complete."""
    scratch = site.home.data.with_name(f"{site.home.data.name}.new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    site.run_as.give(scratch)
    command = [
        str(site.binaries.postgres.with_name("initdb")),
        f"--pgdata={scratch}",
        "--username=supabase_admin",
        "--pwfile=/dev/stdin",
        "--auth=scram-sha-256",
        *_LOCALE,
        *(_BUILTIN_LOCALE if int(site.binaries.versions["postgres"].split(".")[0]) >= 17 else ()),
    ]
    password = site.keys.supabase_admin_password
    answer = run(command, cwd=scratch.parent, run_as=site.run_as, text=password)
    if answer.returncode != 0:
        raise StackError("initdb failed.", hint=(answer.stderr or answer.stdout).strip())
    scratch.rename(site.home.data)


def set_admin_password(site: Site) -> None:
    """Give the superuser the password of our keys while the server is down."""
    command = [str(site.binaries.postgres), "--single", "-D", str(site.home.data), "postgres"]
    quoted = site.keys.supabase_admin_password.replace("'", "''")
    statement = f"alter role supabase_admin password '{quoted}'\n"
    answer = run(command, cwd=site.home.data, run_as=site.run_as, text=statement)
    if answer.returncode != 0 or "ERROR" in answer.stderr:
        raise StackError("the new database password could not be set.", hint=answer.stderr.strip())


def start(
    site: Site, port: int, *, data: Path | None = None, log: str = "postgres"
) -> psutil.Popen:
    """Start the server; the caller records the process, then awaits `wait_ready`."""
    data = data or site.home.data
    options = [f"-c{name}={value}" for name, value in (_SETTINGS | {"port": str(port)}).items()]
    return site.spawn([str(site.binaries.postgres), "-D", str(data), *options], cwd=data, log=log)


def wait_ready(
    process: psutil.Process,
    address: str,
    log: Path,
    *,
    progress: Progress = silent,
    patience: float | None = None,
) -> None:
    """Wait until the server takes our connection; NoConnection when it refuses it.

    For as long as it recovers from a crash: stopping it then would make it begin anew. Of a server
    that says nothing the wait ends after `patience` seconds, else READY_SECONDS.
    """
    patience = READY_SECONDS if patience is None else patience
    began = told = time.monotonic()
    while True:
        try:
            with connect(address, timeout=5):
                return
        except NoConnection as error:
            now = time.monotonic()
            if not lives(process):
                raise NoConnection(
                    "postgres ended while starting.", reason="it ended", hint=tail(log)
                ) from error
            if error.refused or error.full or (not error.changing and now - began > patience):
                raise
            if now - told > _TELL_SECONDS:
                told = now
                progress(f"postgres has been starting for {now - began:.0f} s: {error.reason}")
        time.sleep(min(1.0, 0.02 + (now - began) / 20))


def orphans(data: Path) -> list[psutil.Process]:
    """Backends of a server that was killed: none can start before they let go of its memory."""
    found = psutil.process_iter(["name", "cwd"])
    return [each for each in found if each.info == {"name": "postgres", "cwd": str(data)}]


def create_roles_and_database(port: int, keys: Keys) -> None:
    """Make what the platform has: its roles, their settings, the database. Can be repeated."""
    here = Path(__file__).parent
    with connect(keys.address(port, "supabase_admin", "postgres")) as connection:
        connection.execute((here / "cluster.sql").read_text())
        for role in ("postgres", "authenticator"):
            # Only a hash goes over the wire and into the log.
            hashed = connection.hashed(getattr(keys, f"{role}_password"), role)
            statement = sql.SQL("alter role {} password %s").format(sql.Identifier(role))
            connection.execute(statement, [hashed])
        known = "select 1 from pg_database where datname = %s"
        if not connection.execute(known, [DATABASE]).fetchone():
            name = sql.Identifier(DATABASE)
            connection.execute(sql.SQL("create database {} owner postgres").format(name))
    with connect(keys.address(port, "supabase_admin")) as connection:
        connection.execute((here / "database.sql").read_text())
