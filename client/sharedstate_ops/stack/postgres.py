"""Postgres: the data directory, the server process, the roles that the platform has too."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import threading
import time
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from sharedstate_ops.stack.binaries import Binaries
from sharedstate_ops.stack.errors import NoConnection, StackError, StackTimeout
from sharedstate_ops.stack.files import write_private
from sharedstate_ops.stack.keys import Keys
from sharedstate_ops.stack.processes import (
    HOST,
    POLL_SECONDS,
    Process,
    clean_environment,
    find,
    last,
    run,
    spawn,
    tail,
)
from sharedstate_ops.stack.progress import Progress, silent
from sharedstate_ops.stack.users import RunAs

DATABASE = "agentcad"
_INITDB_SECONDS = 120.0
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


def initialise(data: Path, *, binaries: Binaries, keys: Keys, run_as: RunAs) -> None:
    """Make a data directory; it appears under its name only when it is complete."""
    scratch = data.with_name(f"{data.name}.new")
    if scratch.exists():
        shutil.rmtree(scratch)
    scratch.mkdir(mode=0o700)
    password_file = scratch.with_name("postgres.password")
    write_private(password_file, keys.supabase_admin_password + "\n", owner=run_as.uid)
    run_as.give(scratch)
    command = [
        str(binaries.initdb),
        f"--pgdata={scratch}",
        "--username=supabase_admin",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        *_LOCALE,
        *(_BUILTIN_LOCALE if int(binaries.postgres_version.split(".")[0]) >= 17 else ()),
    ]
    try:
        answer = run(command, cwd=data.parent, timeout=_INITDB_SECONDS, run_as=run_as)
    except subprocess.TimeoutExpired as error:
        raise StackError(f"initdb did not end within {_INITDB_SECONDS:.0f} s.") from error
    finally:
        password_file.unlink(missing_ok=True)
    if answer.returncode != 0:
        raise StackError("initdb failed.", hint=(answer.stderr or answer.stdout).strip())
    scratch.rename(data)


def set_admin_password(data: Path, *, binaries: Binaries, password: str, run_as: RunAs) -> None:
    """Give the superuser a new password while the server is down: the old one was lost."""
    command = [*run_as.prefix, str(binaries.postgres), "--single", "-D", str(data), "postgres"]
    literal = password.replace("'", "''")
    # Before anything else it recovers from a crash, if there was one, for as long as that takes.
    answer = subprocess.run(
        command,
        cwd=data,
        env=clean_environment(),
        input=f"alter role supabase_admin password '{literal}'\n",
        capture_output=True,
        text=True,
        **run_as.popen_options,
    )
    if answer.returncode != 0 or "ERROR" in answer.stderr:
        raise StackError("the new database password could not be set.", hint=answer.stderr.strip())


def start(data: Path, *, port: int, binaries: Binaries, log: Path, run_as: RunAs) -> Process:
    """Start the server; the caller records the process, then awaits `wait_ready`."""
    options = [f"-c{name}={value}" for name, value in (_SETTINGS | {"port": str(port)}).items()]
    command = [str(binaries.postgres), "-D", str(data), *options]
    return spawn(command, cwd=data, log=log, run_as=run_as, env=clean_environment())


def wait_ready(data: Path, process: Process, log: Path, progress: Progress = silent) -> None:
    """Wait until the server accepts connections, as it notes in its own pid file.

    For as long as it recovers from a crash: stopping it then would make it begin anew.
    """
    began = time.monotonic()
    told = 0.0
    while (stage := stage_of(data, process.pid)) != "ready":
        if find(process.pid, process.created) is None:
            raise StackError("postgres ended while starting.", hint=tail(log))
        waited = time.monotonic() - began
        if waited > READY_SECONDS and stage != "starting":
            raise StackTimeout(f"postgres was not ready after {waited:.0f} s.", hint=tail(log))
        if waited - told > _TELL_SECONDS:
            told = waited
            progress(f"postgres has been starting for {waited:.0f} s; last in its log: {last(log)}")
        time.sleep(POLL_SECONDS)


def stage_of(data: Path, pid: int) -> str:
    """What a server notes of itself: starting, ready, stopping; empty when it has not yet."""
    lines = _pid_file(data)
    noted = len(lines) >= 8 and lines[0] == str(pid)
    return lines[7].strip() if noted else ""


def servers_on(data: Path) -> tuple[psutil.Process | None, list[psutil.Process]]:
    """The living server of a data directory that its pid file names, and orphaned backends.

    A server that was killed leaves backends that still hold its shared memory; a new server
    refuses to start until they are gone.
    """
    server: psutil.Process | None = None
    lines = _pid_file(data)
    if lines and lines[0].lstrip("-").isdigit():
        with contextlib.suppress(psutil.Error):
            candidate = psutil.Process(abs(int(lines[0])))
            if _is_server_of(candidate, data):
                server = candidate
    orphans: list[psutil.Process] = []
    if server is None and lines:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.name() == "postgres" and Path(process.cwd()).samefile(data):
                    orphans.append(process)
    return server, orphans


def forget_dead_server(data: Path) -> bool:
    """Remove the pid file of a server that no longer lives; whether there was one."""
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return False
    pid_file.unlink()
    return True


def _is_server_of(process: psutil.Process, data: Path) -> bool:
    if process.status() == psutil.STATUS_ZOMBIE or process.name() != "postgres":
        return False
    return Path(process.cwd()).samefile(data)


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def address(port: int, user: str, password: str) -> str:
    """The address of our database on the embedded server; the password may hold any character."""
    return f"postgresql://{user}:{quote(password, safe='')}@{HOST}:{port}/{DATABASE}"


@contextlib.contextmanager
def connect(
    port: int, *, user: str, password: str, database: str, timeout: int = 10
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """An autocommit connection to the embedded server; `timeout` (to connect) in seconds.

    Raises NoConnection when there is none.
    """
    try:
        with without_libpq_variables():
            connection = psycopg.connect(
                host=HOST,
                port=port,
                user=user,
                password=password,
                dbname=database,
                connect_timeout=timeout,
                autocommit=True,
                application_name="sharedstate",
            )
    except psycopg.OperationalError as error:
        # They hold a connection that timed out, and a server that ends would wait a minute for it.
        traceback.clear_frames(error.__traceback__)
        raise _no_connection(port, reason_of(error)) from error
    with connection:
        yield connection


def reason_of(error: psycopg.Error) -> str:
    """The line of an error that tells: libpq puts the address before it and a question behind."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    telling = next((line for line in lines if " failed: " in line), lines[0])
    return telling.rpartition(" failed: ")[2].removeprefix("FATAL:").strip()


def _no_connection(port: int, reason: str) -> NoConnection:
    error = NoConnection(
        f"the database on port {port} takes no connection: {reason}",
        reason=reason,
        hint="`sharedstate status` tells what runs, `sharedstate up` starts what does not.",
    )
    if error.full:
        error.hint = "End a program that holds connections, then try again."
    elif error.changing:
        error.hint = "Try again in a moment."
    elif error.refused:
        error.hint = "Its passwords are not those of keys.json: `sharedstate up` sets them anew."
    return error


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


def create_roles_and_database(port: int, keys: Keys) -> None:
    """Make what the platform has: its roles, their settings, the database. Can be repeated."""
    admin = partial(connect, port, user="supabase_admin", password=keys.supabase_admin_password)
    with admin(database="postgres") as connection:
        for name, options in _ROLES.items():
            _ensure_role(connection, name, options)
        _set_password(connection, "postgres", keys.postgres_password)
        _set_password(connection, "authenticator", keys.authenticator_password)
        for statement in _CLUSTER_STATEMENTS:
            connection.execute(statement)
        known = connection.execute("select 1 from pg_database where datname = %s", [DATABASE])
        if known.fetchone() is None:
            connection.execute(sql.SQL("create database {} owner postgres").format(_DATABASE))
    with admin(database=DATABASE) as connection:
        for statement in _DATABASE_STATEMENTS:
            connection.execute(statement)


def _ensure_role(
    connection: psycopg.Connection[tuple[object, ...]], name: str, options: LiteralString
) -> None:
    known = connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone()
    verb: LiteralString = "create" if known is None else "alter"
    statement = sql.SQL("{} role {} {}").format(
        sql.SQL(verb), sql.Identifier(name), sql.SQL(options)
    )
    connection.execute(statement)


def _set_password(
    connection: psycopg.Connection[tuple[object, ...]], role: str, password: str
) -> None:
    # Only a hash goes over the wire and into the log.
    hashed = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(hashed))
    )


def new_folder_name(home: Path) -> str:
    """A name for the folder of a home outside of it: recognisable, and never used before."""
    return f"home-{home.name[:24] or 'root'}-{secrets.token_hex(4)}"


_DATABASE = sql.Identifier(DATABASE)

# As on the platform: `postgres` runs migrations and is no superuser.
_ROLES: dict[str, LiteralString] = {
    "postgres": "login createdb createrole replication bypassrls nosuperuser",
    "anon": "nologin noinherit",
    "authenticated": "nologin noinherit",
    "service_role": "nologin noinherit bypassrls",
    "authenticator": "login noinherit",
}

_CLUSTER_STATEMENTS: tuple[LiteralString, ...] = (
    "grant anon, authenticated, service_role to authenticator",
    "grant anon, authenticated, service_role, authenticator to postgres with admin option",
    "grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres with admin option",
    "alter role anon set statement_timeout = '3s'",
    "alter role authenticated set statement_timeout = '8s'",
    "alter role authenticator set statement_timeout = '8s'",
    "alter role authenticator set lock_timeout = '8s'",
)

# The platform's generous default privileges are mirrored on purpose: a function or table that
# relies on their absence would be safe here and open there.
_DATABASE_STATEMENTS: tuple[LiteralString, ...] = (
    'alter database agentcad set search_path = "$user", public, extensions',
    "create schema if not exists extensions authorization postgres",
    "grant usage on schema extensions to anon, authenticated, service_role",
    "grant usage on schema public to anon, authenticated, service_role",
    """alter default privileges for role postgres in schema public
       grant all on tables to anon, authenticated, service_role""",
    """alter default privileges for role postgres in schema public
       grant all on functions to anon, authenticated, service_role""",
    """alter default privileges for role postgres in schema public
       grant all on sequences to anon, authenticated, service_role""",
)
