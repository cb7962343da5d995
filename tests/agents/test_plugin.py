"""The Claude Code plugin: Claude Code accepts it, and it does what `setup claude` does."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.tools import ROOT, npm_ci, unavailable

from sharedstate_agents.setup import claude
from sharedstate_agents.setup.json_file import JsonFile
from sharedstate_agents.setup.programs import Programs

PLUGIN = ROOT / "plugin"
PINNED = Path(__file__).parent / "claude_code"
# What Claude Code puts before the tools of a plugin's server: plugin, then server.
OUR_TOOLS = "mcp__plugin_sharedstate_sharedstate__.*"
SECONDS = 60


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def validate(path: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """`claude plugin validate --strict`, without an account, updates or telemetry."""
    npm_ci(PINNED)
    programs = sorted((PINNED / "node_modules" / "@anthropic-ai").glob("claude-code-*/claude"))
    if not programs:
        unavailable("npm has no Claude Code for this machine", "npm")
    return subprocess.run(
        [str(programs[0]), "plugin", "validate", "--strict", str(path)],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        },
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


@pytest.mark.parametrize("folder", ["plugin", ".", "examples/claude_code/agents"])
def test_claude_code_accepts_plugin_marketplace_and_roles(folder: str, tmp_path: Path) -> None:
    done = validate(ROOT / folder, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_claude_code_refuses_a_plugin_with_a_broken_hook(tmp_path: Path) -> None:
    copy = tmp_path / "plugin"
    shutil.copytree(PLUGIN, copy)
    hooks = copy / "hooks" / "hooks.json"
    hooks.write_text(hooks.read_text().replace('"command": "sharedstate-hook"', '"cmd": ""', 1))
    assert validate(copy, tmp_path).returncode == 1


def test_plugin_and_setup_run_the_same_hooks_at_the_same_events() -> None:
    wanted = claude.hooks(Programs("path"))
    text = json.dumps(wanted).replace(json.dumps(claude.OUR_TOOLS), json.dumps(OUR_TOOLS))
    assert read(PLUGIN / "hooks" / "hooks.json")["hooks"] == json.loads(text)


def test_the_plugin_starts_the_server_that_setup_starts() -> None:
    (file,) = (file for file in claude.files(Programs("path")) if file.name == ".mcp.json")
    assert isinstance(file, JsonFile)
    assert read(PLUGIN / ".mcp.json") == {"mcpServers": {"sharedstate": file.server}}


def test_the_plugin_has_the_version_of_the_package_and_the_marketplace_offers_it() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    plugin = read(PLUGIN / ".claude-plugin" / "plugin.json")
    assert plugin["version"] == package["version"]
    (offered,) = read(ROOT / ".claude-plugin" / "marketplace.json")["plugins"]
    assert offered["name"] == plugin["name"] == "sharedstate"
    assert (ROOT / offered["source"]).samefile(PLUGIN)
