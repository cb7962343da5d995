"""docker-compose.yml as a compose implementation reads it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

from sharedstate_ops.stack.envkeys import fill

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / ".env.example"
# podman-compose wants to know podman's version before it does anything; `config` uses no podman.
_PODMAN = '#!/bin/sh\necho "podman version 5.4.0"\n'


@dataclass(frozen=True)
class Implementation:
    """A program that reads compose files."""

    name: str
    command: tuple[str, ...]

    def config(self, env_file: Path) -> subprocess.CompletedProcess[str]:
        """The file with every variable filled in, as this program understands it."""
        return subprocess.run(
            [*self.command, "--env-file", str(env_file), "--file", str(FILE), "config"],
            cwd=ROOT,
            # Without variables of ours, which would win over the file's.
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            capture_output=True,
            text=True,
            timeout=60,
        )


def implementations(folder: Path) -> list[Implementation]:
    """podman-compose, which the extra `dev` brings, and those of Docker that are installed."""
    podman = folder / "podman"
    podman.write_text(_PODMAN)
    podman.chmod(0o755)
    program = str(Path(sys.executable).with_name("podman-compose"))
    found = [Implementation("podman-compose", (program, "--podman-path", str(podman)))]
    standalone = shutil.which("docker-compose")
    if standalone:
        found.append(Implementation("docker-compose", (standalone,)))
    docker = shutil.which("docker")
    if (
        docker
        and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0
    ):
        found.append(Implementation("docker compose", (docker, "compose")))
    return found


def write_env(path: Path, **changes: str) -> dict[str, str]:
    """A copy of .env.example, with other values and its keys filled in; answers its variables."""
    own = {name: value for name, value in changes.items() if name.endswith("_PASSWORD")}
    _write_lines(path, EXAMPLE.read_text(), {k: v for k, v in changes.items() if k not in own})
    # What `make keys` does, which would refuse some passwords.
    fill(path)
    _write_lines(path, path.read_text(), {name: f"'{value}'" for name, value in own.items()})
    return {name: value or "" for name, value in dotenv_values(path).items()}


def _write_lines(path: Path, text: str, changes: dict[str, str]) -> None:
    for name, value in changes.items():
        assert len(re.findall(rf"^{name}=", text, re.MULTILINE)) == 1, name
        line = f"{name}={value}".replace("\\", r"\\")
        text = re.sub(rf"^{name}=.*$", line, text, flags=re.MULTILINE)
    path.write_text(text)


def resolved(implementation: Implementation, env_file: Path) -> dict[str, Any]:
    """The services by name, with every variable filled in."""
    done = implementation.config(env_file)
    assert done.returncode == 0, done.stderr
    services: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return services


def as_written() -> dict[str, Any]:
    """The file itself, with its variables."""
    content: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return content


def mounts(service: Mapping[str, Any]) -> dict[str, Path]:
    """Files and folders of this repository by their path in the container."""
    found = {}
    for volume in service.get("volumes", []):
        source, target, *_ = str(volume).split(":")
        if source.startswith((".", "/")):
            found[target] = (ROOT / source).resolve()
    return found
