"""What `doctor` starts: the MCP server and the hooks, as a harness would start them."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sharedstate_agents.hook import failures
from sharedstate_agents.project import Project
from sharedstate_agents.setup.changes import read
from sharedstate_agents.setup.claude import OUR_TOOLS, TIMEOUT_S
from sharedstate_agents.setup.codex import CodexServer
from sharedstate_agents.setup.harnesses import Setup
from sharedstate_agents.setup.json_file import JsonFile

SERVER_TIMEOUT_S = 30.0
_FOLDER = re.compile(r"\$\{(?:CLAUDE_PROJECT_DIR(?::-\.)?|workspaceFolder)\}")


@dataclass(frozen=True)
class Hook:
    """A hook as it is configured. `matcher` says for which tools it is, "" for all or none."""

    event: str
    matcher: str
    arguments: list[str]


def servers(setup: Setup) -> Iterator[Mapping[str, Any]]:
    """How the harness starts our server; without a `command` it is reached over HTTP."""
    for file in setup.own_files():
        if isinstance(file, CodexServer):
            yield file.server
        elif isinstance(file, JsonFile) and file.server:
            yield file.server_in(read(setup.root, file.name))


def hooks(setup: Setup) -> Iterator[Hook]:
    """Each hook that the harness runs."""
    for file in setup.own_files():
        for event, groups in file.hooks.items() if isinstance(file, JsonFile) else ():
            for group in groups:
                (handler,) = group.get("hooks", [group])  # Cursor has no groups
                command = _FOLDER.sub(lambda _: str(setup.root), handler["command"])
                given = handler.get("args")
                arguments = ["sh", "-c", command] if given is None else [command, *given]
                yield Hook(event, group.get("matcher", ""), arguments)


def tools_of(root: Path, server: Mapping[str, Any]) -> tuple[str, list[str]]:
    """What went wrong, "" if nothing did; the names of the tools that the server lists."""
    try:
        import anyio
        from mcp import Client, StdioServerParameters
        from mcp.client.stdio import stdio_client
    except ModuleNotFoundError as problem:
        return f"the package {problem.name} is missing.", []
    command = _FOLDER.sub(lambda _: str(root), server["command"])
    parameters = StdioServerParameters(
        command=command, args=list(server["args"]), env=_environment(root), cwd=root
    )

    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:

        async def ask() -> list[str]:
            with anyio.fail_after(SERVER_TIMEOUT_S):
                async with Client(stdio_client(parameters, errors)) as client:
                    return [tool.name for tool in (await client.list_tools()).tools]

        try:
            return "", anyio.run(ask)
        except TimeoutError:
            return f"it did not list its tools within {SERVER_TIMEOUT_S:.0f} s.", []
        except Exception as problem:  # noqa: BLE001  of the SDK, the protocol or the process
            errors.seek(0)
            return f"it does not start: {_last_line(errors.read()) or _first(problem)}", []


def fired(root: Path, hook: Hook, project: Project) -> str:
    """Give the hook a false event; what went wrong, "" if nothing did.

    Hooks let everything through when they fail, so what they recorded meanwhile counts too.
    """
    before = failures.recorded(str(root))
    try:
        done = subprocess.run(
            hook.arguments,
            input=json.dumps(false_event(root, hook, project)),
            capture_output=True,
            text=True,
            cwd=root,
            env=_environment(root),
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {TIMEOUT_S} s."
    except OSError as problem:
        return f"{hook.arguments[0]} cannot be started: {problem.strerror}."
    if done.returncode and not (done.returncode == 2 and hook.event == "TaskCompleted"):
        return f"exit code {done.returncode}: {_last_line(done.stderr)}"
    new = [failure for failure in failures.recorded(str(root)) if failure not in before]
    return str(new[-1].get("reason")) if new else ""


def false_event(root: Path, hook: Hook, project: Project) -> dict[str, Any]:
    """An event of a session and an agent that do not exist, as harnesses shape it."""
    session = f"doctor-{secrets.token_hex(4)}"
    tool: dict[str, Any] = {
        "tool_name": "Write",
        "tool_input": {"file_path": str(root / _some_file(project)), "content": ""},
    }
    if hook.matcher == OUR_TOOLS:
        tool = {"tool_name": "mcp__sharedstate__overview", "tool_input": {}}
    return {
        "session_id": session,
        "conversation_id": session,
        "cwd": str(root),
        "hook_event_name": hook.event,
        "agent_id": "doctor",
        "subagent_id": "doctor",
        "agent_type": "doctor",
        "source": "startup",
        "reason": "other",
        "stop_hook_active": False,
        "task_id": "doctor",
        "task_subject": "doctor",
        "tool_response": {},
        **tool,
    }


def _some_file(project: Project) -> str:
    """A file of the first subsystem, so that the hook has to ask the database."""
    globs = next(iter(project.subsystems.values()), [])
    return globs[0].replace("**", "doctor").replace("*", "doctor") if globs else "doctor"


def _environment(root: Path) -> dict[str, str]:
    return {**os.environ, "CLAUDE_PROJECT_DIR": str(root)}


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def _first(problem: BaseException) -> str:
    """The first cause of a group: task groups wrap what they raise."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return f"{type(problem).__name__}: {problem}".rstrip(": ")
