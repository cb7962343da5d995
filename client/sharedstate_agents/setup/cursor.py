"""Cursor: `.cursor/mcp.json` and `.cursor/hooks.json`.

It puts the folder in the place of `${workspaceFolder}` in mcp.json, and runs the commands of a
project's hooks by a shell in the project's folder.
"""

from __future__ import annotations

from typing import Any

from sharedstate_agents.setup.claude import TIMEOUT_S
from sharedstate_agents.setup.json_file import JsonFile
from sharedstate_agents.setup.managed_file import ManagedFile
from sharedstate_agents.setup.programs import Programs

EVENTS: tuple[tuple[str, str | None], ...] = (
    ("sessionStart", None),
    ("subagentStart", None),
    ("preToolUse", "Write|Delete|MCP:.*"),
    ("postToolUse", None),
    ("subagentStop", None),
    ("sessionEnd", None),
)


def files(programs: Programs) -> list[ManagedFile]:
    """What Cursor needs in a project."""
    command = programs.written("sharedstate", "${workspaceFolder}")
    hook = programs.written("sharedstate-hook", ".")
    hooks: dict[str, list[Any]] = {}
    for event, matcher in EVENTS:
        handler: dict[str, Any] = {"command": f"{hook} {event}", "timeout": TIMEOUT_S}
        hooks[event] = [handler | ({"matcher": matcher} if matcher else {})]
    return [
        JsonFile(".cursor/mcp.json", server={"command": command, "args": ["mcp"]}),
        JsonFile(".cursor/hooks.json", hooks=hooks, new={"version": 1}),
    ]
