"""nginx, the gateway: the shared template filled in, and what surrounds it here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import psutil

from sharedstate_ops.stack.files import write_private
from sharedstate_ops.stack.paths import asset
from sharedstate_ops.stack.postgrest import get_status
from sharedstate_ops.stack.processes import HOST
from sharedstate_ops.stack.site import Site


def render(template: str, values: dict[str, str]) -> str:
    """Fill in ${{NAME}} as envsubst does; nginx's own $variables stay."""
    return re.sub(r"\$\{([A-Z_]+)\}", lambda match: values[match.group(1)], template)


def start(
    site: Site,
    port: int,
    upstream_ports: Sequence[int],
    *,
    folder: Path | None = None,
    log: str = "nginx",
    connections: int = 2048,
) -> psutil.Popen:
    """Start the gateway in front of one PostgREST or several, and wait until it answers.

    `connections`: how many it holds at most, those of callers and its own to PostgREST together.
    """
    folder = folder or site.home.run
    # Of what an nginx has kept the next one knows nothing.
    for name in ("board", "board_cache"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("board_cache", "client_body_temp", "proxy_temp"):
        (folder / name).mkdir(exist_ok=True)
    # A copy: nginx's user may not reach the checkout, and files of a wheel may all be of one time,
    # by which browsers would take an old one for current.
    shutil.copytree(asset("board"), folder / "board", copy_function=shutil.copyfile)
    values = {
        "CONNECTIONS": str(connections),
        "GATEWAY_LISTEN": f"{HOST}:{port}",
        # As the lookup of one name gives several in compose, each a server of its own.
        "POSTGREST_ADDRESS": " max_fails=0;\n  server ".join(f"{HOST}:{p}" for p in upstream_ports),
        "RECOVERY_HINT": "run `sharedstate status`, then `sharedstate up`",
    }
    for name, template in (
        ("gateway.conf", asset("gateway", "nginx.conf.template")),
        ("nginx.conf", Path(__file__).with_name("nginx.conf.template")),
    ):
        write_private(folder / name, render(template.read_text(), values))
    command = [str(site.binaries.nginx), "-p", "./", "-c", str(folder / "nginx.conf")]
    command += ["-e", "stderr"]
    return site.spawn(command, lambda: get_status(port, "/") is not None, cwd=folder, log=log)
