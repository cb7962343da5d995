"""Commands on the session's stack, in the test's workspace, and a design to look at."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from sharedstate import SharedState
from sharedstate_ops.cli import app
from sharedstate_ops.stack import StackInfo

# A name that a terminal, rich or a browser could take for something else than text.
HOSTILE = "[red]<script>alert(1)</script>[/red] & נועה"


class Result(NamedTuple):
    """How a command ended. `output` also has the errors."""

    exit_code: int
    output: str
    stdout: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        assert self.exit_code == 0, self.output
        return json.loads(self.stdout)


Command = Callable[..., Result]


@pytest.fixture
def environment(stack: StackInfo, workspace: str, tmp_path: Path) -> dict[str, str]:
    """What leads a command to the stack and the workspace of the test."""
    return {
        "DATABASE_URL": stack.database_url,
        "SHAREDSTATE_HOME": str(tmp_path),
        "SHAREDSTATE_WORKSPACE": workspace,
    }


@pytest.fixture
def command(environment: dict[str, str]) -> Command:
    """Run `sharedstate` with these arguments in this process."""

    def run(*arguments: object) -> Result:
        result = CliRunner().invoke(app, [str(a) for a in arguments], env=environment)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Result(result.exit_code, result.output, result.stdout)

    return run


@pytest.fixture
def design(state: SharedState) -> SharedState:
    """A design with something of everything: a lock, an overrun, documents, a conflict."""
    state.update_subsystem_status("skeleton", {"state": "designing", "current_mass_kg": 12.5})
    state.update_subsystem_status("actuation", {"state": "complete", "current_mass_kg": 12.6})
    state.update_subsystem_design("skeleton", {"bones": {"femur_m": 0.4}}, "skeleton_agent")
    state.update_subsystem_design("skeleton", {"bones": {"femur_m": 0.45}}, "skeleton_agent")
    state.log_conflict(
        "high", "power_agent", "system_architect", "Cells too heavy", blocks=["shell_agent"]
    )
    state.log_agent_activity("shell_agent", "waiting", {"for": "its turn"})
    state.log_agent_activity("shell_agent", "started")
    state.acquire_lock("subsystem", "power", "power_agent", ttl_seconds=600)
    return state
