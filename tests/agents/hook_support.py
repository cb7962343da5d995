"""A harness without a model: it runs hooks as processes, on events of the real shape."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sharedstate.testing import Workspace
from sharedstate_agents.identity import execution_of

ROOT = Path(__file__).parents[2]
TOML = """
[subsystems]
skeleton = ["parts/skeleton/**", "docs/skeleton.md"]
power = ["parts/power/**"]
"""
FEMUR = "parts/skeleton/femur.py"  # a file of the skeleton
SESSION = "7f3a9c52-1d7e-4b55-9a35-0d6d3c2b1a10"
# Of the session that may be running these tests, and of whoever commits. And hooks keep their
# bytecode, as they do where they are installed.
_OURS = ("SUPABASE_", "SHAREDSTATE_", "CLAUDE", "CURSOR_", "GIT_", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True)
class Done:
    """What became of a hook."""

    status: int
    stdout: str
    stderr: str

    @property
    def output(self) -> Any:
        """The object on stdout; None where there was nothing."""
        return json.loads(self.stdout) if self.stdout else None

    @property
    def specific(self) -> dict[str, Any]:
        """What a hook of Claude's shape answers."""
        specific: dict[str, Any] = self.output["hookSpecificOutput"]
        return specific

    @property
    def is_silent(self) -> bool:
        """Whether the harness goes on as if there were no hook."""
        return (self.status, self.stdout, self.stderr) == (0, "", "")


@dataclass
class Harness:
    """A session in a project; `agent` is the id of a subagent, None for the main agent."""

    folder: Path
    environment: dict[str, str]
    session: str = SESSION
    agent: str | None = None
    common: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, workspace: Workspace | None = None, toml: str = TOML) -> Harness:
        """A project in this folder with the settings in its `.env`, as `sharedstate up` leaves."""
        (folder / "sharedstate.toml").write_text(toml)
        if workspace:
            lines = [f"{name}={value}\n" for name, value in workspace.environment.items()]
            (folder / ".env").write_text("".join(lines))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
        path = os.pathsep.join([str(ROOT / "client"), *sys.path])
        return cls(folder, {**kept, "PYTHONPATH": path, "CLAUDE_PROJECT_DIR": str(folder)})

    def subagent(self, agent: str, agent_type: str = "skeleton-designer") -> Harness:
        """The same session, seen by one of its subagents."""
        common = {"agent_id": agent, "agent_type": agent_type}
        return Harness(self.folder, self.environment, self.session, agent, common)

    @property
    def execution(self) -> str:
        """The execution that the agent's tools use."""
        return execution_of(self.session, self.agent)

    @property
    def url(self) -> str:
        """Where its environment has the database."""
        return self.environment["SUPABASE_URL"]

    def command(self, event: str) -> list[str]:
        """What the console script does."""
        return [sys.executable, "-m", "sharedstate_agents.hook", event]

    def event(self, name: str, **values: Any) -> dict[str, Any]:
        """An event as Claude Code writes it."""
        return {
            "session_id": self.session,
            "transcript_path": f"/home/me/.claude/projects/x/{self.session}.jsonl",
            "cwd": str(self.folder),
            "permission_mode": "default",
            "hook_event_name": name,
            **self.common,
            **values,
        }

    def fire(self, name: str, **values: Any) -> Done:
        """Run the hook of this event."""
        return self.feed(name, json.dumps(self.event(name, **values)).encode())

    def feed(self, name: str, text: bytes, environment: Mapping[str, str] | None = None) -> Done:
        """Run the hook of this event on any text."""
        done = subprocess.run(
            self.command(name),
            input=text,
            capture_output=True,
            env={**self.environment, **(environment or {})},
            cwd=self.folder,
            timeout=30,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def edit(self, path: str | Path, tool: str = "Edit") -> Done:
        """Ask whether this file may be edited; the path is made absolute, as harnesses do."""
        tool_input = {"file_path": str(self.folder / path), "old_string": "a", "new_string": "b"}
        return self.fire("PreToolUse", tool_name=tool, tool_input=tool_input, tool_use_id="toolu_1")

    @property
    def failures(self) -> list[dict[str, Any]]:
        """What hooks could not do, oldest first."""
        path = self.folder / ".sharedstate" / "hook-failures.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
