"""nginx, the gateway: the shared template filled in, and what surrounds it here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sharedstate_ops.stack.binaries import Binaries
from sharedstate_ops.stack.files import write_private
from sharedstate_ops.stack.keys import Keys
from sharedstate_ops.stack.paths import asset
from sharedstate_ops.stack.postgrest import get_status
from sharedstate_ops.stack.processes import HOST, Process, clean_environment, spawn, wait_until
from sharedstate_ops.stack.users import RunAs

_READY_SECONDS = 15.0
_TEMP_FOLDERS = ("client_body", "proxy")
# One process without a master: killing it leaves no worker behind that keeps the port. All paths
# are relative to the folder it starts in, so that no character of a home needs quoting. Only the
# temporary folders are writable to it in every case, hence the pid file in one of them.
_SURROUNDING = """\
daemon off;
master_process off;
pid client_body_temp/nginx.pid;
error_log stderr warn;
events {{ worker_connections {connections}; }}
http {{
{temp_paths}
  include gateway.conf;
}}
"""


def render(template: str, values: dict[str, str]) -> str:
    """Fill in ${{NAME}} as envsubst does; nginx's own $variables stay."""
    return re.sub(r"\$\{([A-Z_]+)\}", lambda match: values[match.group(1)], template)


def start(
    folder: Path,
    *,
    port: int,
    upstream_ports: Sequence[int],
    binaries: Binaries,
    log: Path,
    run_as: RunAs,
    connections: int = 2048,
) -> Process:
    """Start the gateway in front of one PostgREST or several; the caller awaits `wait_ready`.

    `connections`: how many it holds at most, those of callers and its own to PostgREST together.
    """
    values = {
        "GATEWAY_LISTEN": f"{HOST}:{port}",
        "POSTGREST_ADDRESS": _addresses(upstream_ports),
        "RECOVERY_HINT": "run `sharedstate status`, then `sharedstate up`",
    }
    temp_paths = []
    for name in _TEMP_FOLDERS:
        temp = folder / f"{name}_temp"
        temp.mkdir(exist_ok=True)
        run_as.give(temp)
        temp_paths.append(f"  {name}_temp_path {temp.name};")
    template = asset("gateway", "nginx.conf.template").read_text()
    surrounding = _SURROUNDING.format(temp_paths="\n".join(temp_paths), connections=connections)
    write_private(folder / "gateway.conf", render(template, values), owner=run_as.uid)
    write_private(folder / "nginx.conf", surrounding, owner=run_as.uid)
    return spawn(
        [str(binaries.nginx), "-p", "./", "-c", "nginx.conf", "-e", "stderr"],
        cwd=folder,
        log=log,
        run_as=run_as,
        env=clean_environment(),
    )


def _addresses(ports: Sequence[int]) -> str:
    """As the lookup of one name gives several in compose, each a server of its own."""
    return " max_fails=0;\n  server ".join(f"{HOST}:{port}" for port in ports)


def wait_ready(process: Process, port: int, keys: Keys, log: Path) -> None:
    """Wait until a request comes back through it from PostgREST."""
    wait_until(
        lambda: answers(port, keys),
        process=process,
        what="nginx",
        timeout=_READY_SECONDS,
        log=log,
    )


def answers(port: int, keys: Keys) -> bool:
    """Whether PostgREST takes our keys through the gateway."""
    return is_ready(health_status(port, keys))


def health_status(port: int, keys: Keys) -> int | None:
    """The HTTP status of `health` with our key, None when nobody answers."""
    return get_status(port, "/rest/v1/rpc/health", {"apikey": keys.anon_key})


def is_ready(status: int | None) -> bool:
    """Whether that status comes from PostgREST: before the migrations it is 404."""
    return status is not None and status < 500 and status != 401
