"""Who may edit a file now: the execution that holds the subsystem which the file belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sharedstate_agents.hook.event import NOTHING, Answer, Event
from sharedstate_agents.project import Project
from sharedstate_agents.situation import remaining

PATCH_TOOL = "apply_patch"
EDITING_TOOLS = {"edit", "write", "notebookedit", "delete", PATCH_TOOL}
_PATH_KEYS = ("file_path", "notebook_path", "path")
_PATH_IN_PATCH = r"(?m)^\*\*\* (?:(?:Add|Update|Delete) File|Move to): (.+?)\s*$"

Call = Callable[..., Any]
Lease = Mapping[str, Any]


def guard(event: Event, tool: str, tool_input: Mapping[str, Any]) -> Answer:
    """Refuse an edit of what another execution holds; if strict, also of what nobody holds."""
    if tool.lower() not in EDITING_TOOLS:
        return NOTHING
    paths = patched_paths(tool_input) if tool == PATCH_TOOL else edited_paths(tool_input)
    for subsystem, path in by_subsystem(event.project, paths, event.text("cwd")).items():
        lease = holder_of(event.call, subsystem)
        if lease is None and event.project.strict:
            return event.deny(
                f"{path} belongs to subsystem {subsystem}, which nobody holds. Take it first with "
                f'the tool checkout (subsystem "{subsystem}"), then edit.'
            )
        if lease and lease["execution_id"] != event.execution:
            return event.deny(
                f"{path} belongs to subsystem {subsystem}. "
                f"{description(event.call, subsystem, lease)} Wait in line with the tool checkout "
                f'(subsystem "{subsystem}", wait_seconds 45), or work on something else meanwhile.'
            )
    return NOTHING


def edited_paths(tool_input: Mapping[str, Any]) -> list[str]:
    """The file that a tool call changes."""
    values = (tool_input.get(key) for key in _PATH_KEYS)
    return [value for value in values if isinstance(value, str)]


def patched_paths(tool_input: Mapping[str, Any]) -> Iterable[str]:
    """The files that Codex' apply_patch changes, as its patch names them."""
    for value in tool_input.values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                yield from re.findall(_PATH_IN_PATCH, text)


def by_subsystem(project: Project, paths: Iterable[str], folder: str | None) -> dict[str, str]:
    """Each subsystem that one of these files belongs to, with the first such file."""
    found: dict[str, str] = {}
    for path in paths if project.subsystems else ():
        for subsystem in project.subsystems_of(path, folder):
            found.setdefault(subsystem, path)
    return found


def holder_of(call: Call, subsystem: str) -> Lease | None:
    """The lease on a subsystem, or None while nobody holds it."""
    status = call("get_lock_status", resource_type="subsystem", resource_name=subsystem)
    holder: Lease | None = status["holder"]
    return holder


def description(call: Call, subsystem: str, lease: Lease) -> str:
    """Who holds a subsystem, and for how long, in a sentence."""
    name, execution = lease["locked_by"], lease["execution_id"]
    # Only the database knows what time it is there.
    now = call("get_situation", agent_name=name, execution_id=execution)["server_time"]
    left = remaining(lease["expires_at"], datetime.fromisoformat(now))
    return f"{name} holds {subsystem} (execution {execution}) for {left}."
