"""Claude Code: `.mcp.json`, `.claude/settings.json`, `.claude/agents/*.md`.

In `.mcp.json` it expands `${NAME:-default}`; CLAUDE_PROJECT_DIR is not set there yet. In the
commands of hooks it puts the folder in the place of `${CLAUDE_PROJECT_DIR}`, without a shell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sharedstate_agents.setup.json_file import JsonFile
from sharedstate_agents.setup.managed_file import ManagedFile
from sharedstate_agents.setup.owned_file import OwnedFile
from sharedstate_agents.setup.programs import Programs

TIMEOUT_S = 5  # a hook gives up by itself after two
EDITS = "Edit|Write|NotebookEdit"
OUR_TOOLS = "mcp__sharedstate__.*"
EVENTS: tuple[tuple[str, str | None], ...] = (
    ("SessionStart", None),
    ("SubagentStart", None),
    ("PreToolUse", EDITS),
    ("PreToolUse", OUR_TOOLS),
    ("PostToolUse", None),
    ("SubagentStop", None),
    ("SessionEnd", None),
    ("TaskCompleted", None),
)
_PACKAGE = Path(__file__).resolve().parents[1]
# The seven roles: in a wheel, in the repository.
ROLE_FOLDERS = (
    _PACKAGE / "_assets" / "agents",
    _PACKAGE.parents[1] / "examples" / "claude_code" / "agents",
)


def files(programs: Programs) -> list[ManagedFile]:
    """What Claude Code needs in a project."""
    server = {"command": programs.written("sharedstate", "${CLAUDE_PROJECT_DIR:-.}")}
    return [
        JsonFile(".mcp.json", server={**server, "args": ["mcp"]}),
        JsonFile(".claude/settings.json", hooks=hooks(programs)),
        *role_files(),
    ]


def hooks(programs: Programs) -> dict[str, list[Any]]:
    """By event, groups of one handler each."""
    found: dict[str, list[Any]] = {}
    for event, matcher in EVENTS:
        handler: dict[str, Any] = {
            "type": "command",
            "command": programs.written("sharedstate-hook", "${CLAUDE_PROJECT_DIR}"),
            "args": [event],
            "timeout": TIMEOUT_S,
        }
        if event == "PostToolUse":
            handler["async"] = True
        group: dict[str, Any] = {"matcher": matcher} if matcher else {}
        found.setdefault(event, []).append(group | {"hooks": [handler]})
    return found


def role_files() -> list[OwnedFile]:
    """The roles as agents."""
    folder = next((folder for folder in ROLE_FOLDERS if folder.is_dir()), ROLE_FOLDERS[0])
    return [
        OwnedFile(
            f".claude/agents/{path.name}",
            path.read_text(encoding="utf-8"),
            comment=("<!-- ", " -->"),
        )
        for path in sorted(folder.glob("*.md"))
    ]
