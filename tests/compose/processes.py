"""The services of docker-compose.yml as plain processes: their environment, commands and mounts.

What only the images have is replaced here and nowhere else: addresses of other containers, ports,
and the roles and the database that supabase/postgres makes before our script runs.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
from tests.compose.composefile import mounts
from tests.tools import node, node_modules

from sharedstate_ops.stack import connections, postgres, postgrest, processes, site
from sharedstate_ops.stack.binaries import postgres_program
from sharedstate_ops.stack.gateway import render
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.users import RunAs

_TEMPLATES = "/etc/nginx/templates/"
_NGINX = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  client_body_temp_path temp;
  proxy_temp_path temp;
{includes}
}}
"""


def _as_image_makes_it(port: int, keys: Any) -> None:
    """Roles and an `agentcad` in which `postgres` may not create; nobody but it has a password."""
    postgres.create_roles_and_database(port, keys)
    with connections.connect(keys.address(port, "supabase_admin", "postgres")) as connection:
        connection.execute("alter database agentcad owner to supabase_admin")
        connection.execute("alter role authenticator password null")


@dataclass
class Composed:
    """The running processes, and how to reach them from here."""

    services: dict[str, Any]
    variables: dict[str, str]
    site: site.Site
    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, psutil.Popen] = field(default_factory=dict)

    @property
    def unfinished(self) -> Path:
        """There from the beginning of the first start to its end."""
        return self.folder / "first-start"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

    def database_url(self, user: str = "postgres", variable: str = "POSTGRES_PASSWORD") -> str:
        """As DATABASE_URL of the .env file, with the port that the database has here."""
        password = self.variables[variable]
        address = f"127.0.0.1:{self.ports['db']}/agentcad"
        return f"postgresql://{user}:{quote(password, safe='')}@{address}"

    def environment(self, service: str, **replaced: str) -> dict[str, str]:
        """The environment of the compose file, and of this machine only what starts programs."""
        programs = postgres_program("psql").parent
        base = {"PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
        given = {name: self.here(value) for name, value in self.given(service).items()}
        unknown = set(replaced) - set(given) - {"POSTGRES_HOST", "POSTGRES_PORT", "PG_META_HOST"}
        assert not unknown, f"the compose file does not set {unknown}"
        return base | given | replaced

    def given(self, service: str) -> dict[str, str]:
        """The environment as it stands in the file."""
        values: Mapping[str, Any] = self.services[service]["environment"]
        return {name: str(value) for name, value in values.items()}

    def here(self, value: str) -> str:
        """An address among containers as one on this machine."""
        inside = {
            "db:5432": "db",
            "rest:3000": "rest",
            "meta:8080": "meta",
            "gateway:8000": "gateway",
        }
        for address, service in inside.items():
            if service in self.ports:
                value = re.sub(rf"\b{address}\b", f"127.0.0.1:{self.ports[service]}", value)
        return value

    def spawn(
        self,
        service: str,
        command: list[str],
        environment: dict[str, str],
        run_as: RunAs | None = None,
    ) -> None:
        site = replace(self.site, run_as=run_as or self.site.run_as)
        folder = self.folder / service
        self.running[service] = site.spawn(command, cwd=folder, log=service, env=environment)

    def wait(self, service: str, ready: Callable[[], bool]) -> None:
        processes.wait_until(
            ready,
            process=self.running[service],
            what=service,
            timeout=60,
            log=self.site.log(service),
        )

    def stop(self, service: str) -> None:
        processes.end(self.running.pop(service), (signal.SIGINT, 30))

    def start_db(self) -> None:
        """Postgres with the options of the command, filled by the script that the file mounts."""
        port = self.ports["db"]
        options = self.services["db"]["command"]
        assert options[:3] == ["postgres", "-c", "config_file=/etc/postgresql/postgresql.conf"]
        ours = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
        postgres.initialise(self.site)
        self.spawn(
            "db",
            [
                str(self.site.binaries.postgres),
                f"-D{self.site.home.data}",
                *(f"-c{option}" for option in ours),
                *options[3:],
            ],
            processes.clean_environment(),
        )
        address = self.site.keys.address(port, "supabase_admin", "postgres")
        postgres.wait_ready(self.running["db"], address, self.site.log("db"))
        _as_image_makes_it(port, self.site.keys)

    def initialise_db(
        self, migrations: Path | None = None, **replaced: str
    ) -> subprocess.CompletedProcess[str]:
        """Run what our entry point has the image run on an empty volume."""
        mounted = mounts(self.services["db"])
        environment = self.environment(
            "db",
            **{"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": str(self.ports["db"])} | replaced,
        )
        # As the entry point exports them.
        environment["SHAREDSTATE_MIGRATIONS"] = str(
            migrations or mounted["/sharedstate/migrations"]
        )
        environment["SHAREDSTATE_UNFINISHED"] = str(self.unfinished)
        self.unfinished.touch()
        script = mounted["/sharedstate/db"] / "initialise.sh"
        return subprocess.run(
            [str(script)], env=environment, capture_output=True, text=True, timeout=120
        )

    def start_rest(self) -> None:
        admin = processes.free_port(list(self.ports.values()))
        environment = self.environment(
            "rest", PGRST_SERVER_PORT=str(self.ports["rest"]), PGRST_ADMIN_SERVER_PORT=str(admin)
        )
        # In its container every address is the container's own.
        environment["PGRST_SERVER_HOST"] = "127.0.0.1"
        self.spawn("rest", [str(self.site.binaries.postgrest)], environment)
        self.wait("rest", lambda: postgrest.get_status(admin, "/ready") == 200)

    def start_gateway(self) -> None:
        """nginx with the templates, filled in as the image's entry point does it."""
        environment = self.environment(
            "gateway", GATEWAY_LISTEN=f"127.0.0.1:{self.ports['gateway']}"
        )
        # nginx 1.25 of the embedded stack cannot look up names of upstreams while it runs.
        address = environment["POSTGREST_ADDRESS"].removesuffix(" resolve")
        values = environment | {"POSTGREST_ADDRESS": address, "NGINX_LOCAL_RESOLVERS": "127.0.0.1"}
        allowed = re.compile(values["NGINX_ENVSUBST_FILTER"])
        values = {name: value for name, value in values.items() if allowed.match(name)}
        folder = self.folder / "gateway"
        self._copy_board(folder)
        included = []
        for target, source in mounts(self.services["gateway"]).items():
            if target.startswith(_TEMPLATES):
                name = Path(target).name.removesuffix(".template")
                (folder / name).write_text(render(source.read_text(), values))
                included.append(f"  include {name};")
        (folder / "nginx.conf").write_text(_NGINX.format(includes="\n".join(included)))
        command = [str(self.site.binaries.nginx), "-p", "./", "-c", "nginx.conf", "-e", "stderr"]
        self.spawn("gateway", command, processes.clean_environment())
        self.wait("gateway", lambda: postgrest.get_status(self.ports["gateway"], "/") == 200)

    def _copy_board(self, folder: Path) -> None:
        """What the image's entry point runs before nginx, in the folder of this nginx."""
        mounted = mounts(self.services["gateway"])
        script = mounted["/docker-entrypoint.d/30-board.sh"].read_text()
        for inside, here in (
            ("/sharedstate/board", mounted["/sharedstate/board"]),
            ("/etc/nginx", folder),
        ):
            script = script.replace(inside, str(here))
        subprocess.run(["sh", "-c", script], check=True, timeout=60)

    def start_meta(self) -> None:
        server = node_modules() / "@supabase" / "postgres-meta" / "dist" / "server" / "server.js"
        environment = self.environment(
            "meta",
            PG_META_PORT=str(self.ports["meta"]),
            PG_META_HOST="127.0.0.1",
            PG_META_DB_HOST="127.0.0.1",
            PG_META_DB_PORT=str(self.ports["db"]),
        )
        # As ourselves: the user of the servers may not reach this checkout.
        self.spawn("meta", [*node(), str(server)], environment, RunAs())
        self.wait("meta", lambda: postgrest.get_status(self.ports["meta"], "/health") == 200)


@contextlib.contextmanager
def composed(
    services: dict[str, Any], variables: dict[str, str], folder: Path
) -> Iterator[Composed]:
    """A `Composed` in which nothing runs yet; whatever was started is stopped by its pid."""
    home = Home(folder)
    site.make_folder(home)
    prepared = site.prepare(home, lambda _: None)
    password = variables["POSTGRES_PASSWORD"]
    keys = replace(prepared.keys, supabase_admin_password=password, postgres_password=password)
    made = Composed(services, variables, replace(prepared, keys=keys), home.run)
    for name in ("db", "rest", "gateway", "meta"):
        made.ports[name] = processes.free_port(list(made.ports.values()))
        (made.folder / name).mkdir()
        prepared.run_as.give(made.folder / name)
    (made.folder / "gateway" / "temp").mkdir()
    prepared.run_as.give(made.folder / "gateway" / "temp")
    try:
        yield made
    finally:
        for name in reversed(list(made.running)):
            made.stop(name)


def connect(address: str) -> connections.Connection:
    """An autocommit connection."""
    return connections.connect(address)
