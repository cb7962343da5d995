"""PostgREST: its configuration, its process, when it is ready."""

from __future__ import annotations

import contextlib
import http.client
import json
from dataclasses import dataclass
from pathlib import Path

from sharedstate_ops.stack import postgres
from sharedstate_ops.stack.binaries import Binaries
from sharedstate_ops.stack.files import write_private
from sharedstate_ops.stack.keys import Keys
from sharedstate_ops.stack.processes import HOST, Process, clean_environment, spawn, wait_until
from sharedstate_ops.stack.users import RunAs

_READY_SECONDS = 30.0
_CONFIG = "postgrest.conf"
# Measured: 20 connections gave 4,200 requests/s where PostgREST's default of 10 gave 2,400.
POOL = 20


@dataclass(frozen=True)
class Ports:
    """Where it listens, where the database is, and where callers find the API."""

    port: int
    admin_port: int
    db_port: int
    api_port: int


def start(
    folder: Path,
    *,
    ports: Ports,
    keys: Keys,
    binaries: Binaries,
    log: Path,
    run_as: RunAs,
    pool: int = POOL,
) -> Process:
    """Start the server on internal ports; the caller awaits `wait_ready`.

    `pool`: how many connections to Postgres it holds at most, beside one on which it listens.
    """
    write_config(folder, ports=ports, keys=keys, run_as=run_as, pool=pool)
    return spawn(
        [str(binaries.postgrest), _CONFIG],
        cwd=folder,
        log=log,
        run_as=run_as,
        # Without the clock of its Haskell runtime, which ticks on for a while after each request:
        # a call that comes alone costs PostgREST 1.5 ms of processor time instead of 3.5.
        env=clean_environment() | {"GHCRTS": "-V0"},
    )


def write_config(
    folder: Path, *, ports: Ports, keys: Keys, run_as: RunAs, pool: int = POOL
) -> None:
    """Replace the configuration file; a running server reads it again on SIGUSR2."""
    address = postgres.address(ports.db_port, "authenticator", keys.authenticator_password)
    settings: dict[str, str | int] = {
        "db-uri": f"{address}?application_name=postgrest",
        "db-schemas": "public",
        "db-anon-role": "anon",
        "db-pool": pool,
        "db-pool-acquisition-timeout": 10,
        # No jwt-cache-max-lifetime, though it would spare a small call a sixth of its time: it
        # outlives the reload with another secret, so rotated keys would go on being accepted.
        "jwt-secret": keys.jwt_secret,
        "server-host": HOST,
        "server-port": ports.port,
        "admin-server-port": ports.admin_port,
        "openapi-server-proxy-uri": f"http://localhost:{ports.api_port}/rest/v1",
        "log-level": "warn",
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    write_private(folder / _CONFIG, "\n".join(lines) + "\n", owner=run_as.uid)


def is_fit(port: int, admin_port: int | None, keys: Keys) -> bool:
    """Whether it is ready, and has the secret that our keys are signed with."""
    return get_status(admin_port or 0, "/ready") == 200 and accepts(port, keys.anon_key)


def accepts(port: int, token: str) -> bool:
    """Whether the server takes a token for genuine, whatever it answers then."""
    status = get_status(port, "/rpc/health", {"Authorization": f"Bearer {token}"})
    return status is not None and status != 401


def wait_ready(process: Process, admin_port: int, log: Path) -> None:
    """Wait until it has read the schema and holds a connection to the database."""
    wait_until(
        lambda: get_status(admin_port, "/ready") == 200,
        process=process,
        what="postgrest",
        timeout=_READY_SECONDS,
        log=log,
    )


def get_status(
    port: int, path: str, headers: dict[str, str] | None = None, timeout: float = 3
) -> int | None:
    """The HTTP status of a GET on 127.0.0.1, None when nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    return None
