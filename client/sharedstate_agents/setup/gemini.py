"""Gemini: `.gemini/settings.json`, for the MCP server alone.

It is started in the project's folder. For what the hooks of others tell: `sharedstate prime`.
"""

from __future__ import annotations

from sharedstate_agents.setup.json_file import JsonFile
from sharedstate_agents.setup.managed_file import ManagedFile
from sharedstate_agents.setup.programs import Programs


def files(programs: Programs) -> list[ManagedFile]:
    """What Gemini needs in a project."""
    server = {"command": programs.written("sharedstate", "."), "args": ["mcp"]}
    return [JsonFile(".gemini/settings.json", server=server, comments=True)]
