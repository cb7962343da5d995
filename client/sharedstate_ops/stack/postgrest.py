"""PostgREST: its configuration, its process, when it is ready."""

from __future__ import annotations

import contextlib
import http.client
import json
from dataclasses import dataclass
from pathlib import Path

import psutil

from sharedstate_ops.stack.files import write_private
from sharedstate_ops.stack.keys import Keys
from sharedstate_ops.stack.processes import HOST, clean_environment
from sharedstate_ops.stack.site import Site

_CONFIG = "postgrest.conf"
# Measured: 20 connections gave 4,200 requests/s where PostgREST's default of 10 gave 2,400.
POOL = 20


@dataclass(frozen=True)
class Ports:
    """Where it listens, where the database is, and where callers find the API."""

    port: int
    db_port: int
    api_port: int


def start(
    site: Site,
    ports: Ports,
    *,
    folder: Path | None = None,
    log: str = "postgrest",
    **more: str | int | bool,
) -> psutil.Popen:
    """Start the server on internal ports, and wait until it has read the schema.

    `more`: settings of PostgREST, with `_` for `-`.
    """
    folder = folder or site.home.run
    settings = _settings(site, ports) | {name.replace("_", "-"): more[name] for name in more}
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
    write_private(folder / _CONFIG, "".join(lines))
    return site.spawn(
        [str(site.binaries.postgrest), str(folder / _CONFIG)],
        lambda: not fault(ports.port, site.keys),
        cwd=folder,
        log=log,
        # Without the clock of its Haskell runtime, which ticks on for a while after each request:
        # a call that comes alone costs PostgREST 1.5 ms of processor time instead of 3.5.
        env=clean_environment() | {"GHCRTS": "-V0"},
    )


def _settings(site: Site, ports: Ports) -> dict[str, str | int | bool]:
    address = site.keys.address(ports.db_port, "authenticator")
    return {
        "db-uri": f"{address}?application_name=postgrest",
        "db-schemas": "public",
        "db-anon-role": "anon",
        "db-pool": POOL,
        "db-pool-acquisition-timeout": 10,
        # No jwt-cache-max-lifetime, though it would spare a small call a sixth of its time: it
        # outlives the reload with another secret, so rotated keys would go on being accepted.
        "jwt-secret": site.keys.jwt_secret,
        "server-host": HOST,
        "server-port": ports.port,
        "openapi-server-proxy-uri": f"http://localhost:{ports.api_port}/rest/v1",
        "log-level": "warn",
    }


def fault(port: int, keys: Keys, path: str = "/rpc/health") -> str:
    """Why an API is not ready, or takes no token of these keys for genuine; "" when all is well.

    Then a call of `health` is answered by a function, or by its absence: 404.
    """
    headers = {"apikey": keys.anon_key, "Authorization": f"Bearer {keys.anon_key}"}
    status = get_status(port, path, headers)
    if status is None:
        return "its port does not answer"
    return f"it is not ready: HTTP {status}" if status >= 500 or status == 401 else ""


def get_status(
    port: int, path: str, headers: dict[str, str] | None = None, timeout: float = 3
) -> int | None:
    """The HTTP status of a GET on 127.0.0.1, None when nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    return None
