"""Codex: `.codex/config.toml` and `.codex/hooks.json`.

Codex expands nothing. It runs the commands of hooks by a shell in the folder of the session. It has
no event at the end of a session, and skips handlers that are asynchronous.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sharedstate_agents.setup.block import appended, block, stored_block, without_block
from sharedstate_agents.setup.claude import OUR_TOOLS, TIMEOUT_S
from sharedstate_agents.setup.errors import SetupError
from sharedstate_agents.setup.json_file import JsonFile
from sharedstate_agents.setup.managed_file import ManagedFile
from sharedstate_agents.setup.programs import Programs

EVENTS: tuple[tuple[str, str | None], ...] = (
    ("SessionStart", None),
    ("SubagentStart", None),
    ("PreToolUse", "apply_patch|Edit|Write"),
    ("PreToolUse", OUR_TOOLS),
    ("PostToolUse", None),
    ("SubagentStop", None),
)


@dataclass(frozen=True)
class CodexServer:
    """Our table `mcp_servers.sharedstate`, as a block at the end of `config.toml`."""

    server: Mapping[str, Any]
    name: str = ".codex/config.toml"

    @property
    def lines(self) -> str:
        """The table; of what we write, TOML and JSON spell every value alike."""
        values = [f"{key} = {json.dumps(value)}" for key, value in self.server.items()]
        return "\n".join(["[mcp_servers.sharedstate]", *values])

    def faults(self, text: str | None) -> list[str]:
        """Our table is missing, or differs."""
        stored = stored_block(text or "")
        if stored == block(self.lines):
            _parsed(text or "")
            return []
        return [f"mcp_servers.sharedstate {'differs' if stored else 'is missing'}"]

    def wanted(self, text: str | None) -> str:
        """The file with our table. SetupError where TOML does not allow another one."""
        if not self.faults(text):
            return text or ""
        if text is None:
            return block(self.lines) + "\n"
        rest = self.without(text) or ""
        if "sharedstate" in _parsed(rest).get("mcp_servers", {}):
            hint = "Take it out, and run this again."
            raise SetupError(f"mcp_servers.sharedstate is there, not written by setup. {hint}")
        try:
            _parsed(changed := appended(rest, self.lines))
        except SetupError as problem:
            hint = "Is mcp_servers written as { ... }? Write it as tables."
            raise SetupError(f"our table cannot be added. {hint}") from problem
        return changed

    def without(self, text: str) -> str | None:
        """The file without our table; None when it had nothing else."""
        _parsed(text)
        rest = without_block(text, appended=True)
        return None if rest != text and not rest and text.startswith("#") else rest


def files(programs: Programs) -> list[ManagedFile]:
    """What Codex needs in a project."""
    command, args = "sharedstate", ["mcp"]
    if programs.place == "venv":
        command, args = "sh", ["-c", f"exec {programs.in_shell('sharedstate')} mcp"]
    return [
        CodexServer({"command": command, "args": args}),
        JsonFile(".codex/hooks.json", hooks=_hooks(programs)),
    ]


def _hooks(programs: Programs) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for event, matcher in EVENTS:
        command = f"{programs.in_shell('sharedstate-hook')} {event}"
        handler = {"type": "command", "command": command, "timeout": TIMEOUT_S}
        group: dict[str, Any] = {"matcher": matcher} if matcher else {}
        found.setdefault(event, []).append(group | {"hooks": [handler]})
    return found


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as problem:
        raise SetupError(f"it is not TOML: {problem}") from problem
