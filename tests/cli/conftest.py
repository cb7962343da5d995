"""Commands on the session's stack, in the test's workspace, and a design to look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.command_line import Command, command_in

from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo

# A name that a terminal, rich or a browser could take for something else than text.
HOSTILE = "[red]<script>alert(1)</script>[/red] & נועה"


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
    return command_in(environment)


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
