"""`docker compose` on a copy of the compose files: a project of its own, beside all others."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.compose.composefile import EXAMPLE, FILE, ROOT, SCALE_FILE, as_written, write_env

from sharedstate_ops.stack import processes

LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Container:
    """A line of `docker compose ps`."""

    id: str
    service: str
    is_healthy: bool


def read_ps(output: str) -> list[Container]:
    """What `ps --format json` prints: an object a line, since Compose 2.21."""
    found = []
    for line in output.splitlines():
        read = json.loads(line)
        is_healthy = (read["State"], read["Health"]) == ("running", "healthy")
        found.append(Container(read["ID"], read["Service"], is_healthy))
    return found


@dataclass(frozen=True)
class Engine:
    """The project in `folder`, and the variables of its .env."""

    folder: Path
    variables: dict[str, str]
    files: tuple[str, ...] = (FILE.name,)

    @property
    def url(self) -> str:
        return self.variables["SUPABASE_URL"]

    def scaled(self) -> Engine:
        """The same project with several PostgREST."""
        return replace(self, files=(FILE.name, SCALE_FILE.name))

    def compose(
        self, *arguments: str, check: bool = True, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run it; AssertionError with what it printed if it fails. Time in seconds."""
        files = [f"--file={name}" for name in self.files]
        return self.docker("compose", *files, *arguments, check=check, timeout=timeout)

    def docker(
        self, *arguments: str, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["docker", *arguments],
            cwd=self.folder,
            # Ours last: a COMPOSE_PROJECT_NAME of who runs this would win over that of .env, and
            # the data that is deleted here would be another project's.
            env=os.environ | self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        problem = (
            f"{shlex.join(done.args)} ended with {done.returncode}: {done.stdout}{done.stderr}"
        )
        assert done.returncode == 0 or not check, problem
        return done

    def typed(self, command: str) -> str:
        """What `docker compose exec ...` of docs/compose.md prints, here without a terminal."""
        docker, compose, exec_, *rest = shlex.split(command)
        assert (docker, compose, exec_) == ("docker", "compose", "exec")
        return self.compose("exec", "-T", *rest).stdout

    def up(self) -> None:
        """As the README says it."""
        self.compose("up", "-d", "--wait")

    def containers(self) -> list[Container]:
        """All of the project, those that have ended too."""
        return read_ps(self.compose("ps", "--all", "--format=json").stdout)

    def await_healthy(self, seconds: float = 180) -> None:
        """Until each container is; AssertionError that names those that are not."""
        deadline = time.monotonic() + seconds
        while waiting := [each.service for each in self.containers() if not each.is_healthy]:
            assert time.monotonic() < deadline, f"not healthy after {seconds:g} s: {waiting}"
            time.sleep(LOOK_SECONDS)

    def await_log(self, service: str, text: str, seconds: float = 120) -> None:
        """Until it is in what the container printed."""
        deadline = time.monotonic() + seconds
        while text not in self.logs(service):
            assert time.monotonic() < deadline, f"{service} did not print {text!r}"
            time.sleep(LOOK_SECONDS)

    def logs(self, *services: str) -> str:
        return self.compose("logs", "--no-color", *services).stdout

    def crash(self, container: Container) -> None:
        """kill -9 of its first process; returns when the engine has started the container again.

        `docker kill` would be an order to stop, after which the engine starts nothing again.
        """
        before = self.inspect(container, "{{.RestartCount}}")
        pid = self.inspect(container, "{{.State.Pid}}")
        image = as_written()["services"]["gateway"]["image"]
        self.docker("run", "--rm", "--pid=host", "--entrypoint=kill", image, "-9", pid)
        deadline = time.monotonic() + 60
        while self.inspect(container, "{{.RestartCount}}") == before:
            assert time.monotonic() < deadline, f"{container.service} was not started again"
            time.sleep(LOOK_SECONDS)

    def inspect(self, container: Container, template: str) -> str:
        return self.docker("inspect", f"--format={template}", container.id).stdout.strip()

    def volumes(self) -> set[str]:
        """The names of this project's."""
        name = self.variables["COMPOSE_PROJECT_NAME"]
        label = f"label=com.docker.compose.project={name}"
        return set(self.docker("volume", "ls", "--quiet", f"--filter={label}").stdout.split())


def clone(folder: Path) -> Engine:
    """What Compose reads, as a clone under `umask 077` has it, with an .env of its own."""
    for file in (FILE, SCALE_FILE, EXAMPLE):
        shutil.copy(file, folder)
    for name in ("compose", "gateway", "supabase/migrations"):
        shutil.copytree(ROOT / name, folder / name)
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    ports: dict[str, int] = {}
    for name in ("DB_PORT", "API_PORT", "STUDIO_PORT"):
        ports[name] = processes.free_port(list(ports.values()))
    project = f"sharedstate-test-{uuid.uuid4().hex[:8]}"
    address = f"http://127.0.0.1:{ports['API_PORT']}"
    changes = {name: str(port) for name, port in ports.items()} | {"SUPABASE_URL": address}
    variables = write_env(folder / ".env", COMPOSE_PROJECT_NAME=project, **changes)
    return Engine(folder, variables)


def commands_of_the_page() -> list[str]:
    """Those for the running database."""
    page = (ROOT / "docs" / "compose.md").read_text()
    return [
        re.sub(r"\s+", " ", found) for found in re.findall(r"`(docker compose exec [^`]*)`", page)
    ]


def secrets(variables: dict[str, Any]) -> dict[str, str]:
    """The lines of .env that nobody else may see."""
    empty = re.findall(r"^([A-Z_]+)=$", EXAMPLE.read_text(), re.MULTILINE)
    return {name: variables[name] for name in empty if name != "COMPOSE_PROJECT_NAME"}
