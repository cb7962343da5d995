"""What tests of the agents' doors share; the humanoid example is importable."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from tests.agents.hook_support import Harness
from tests.agents.mcp_support import Server, connected, stdio
from tests.agents.projects import (
    PATH,
    TOML,
    Answer,
    Patient,
    Run,
    install_programs,
    make_project,
    sharedstate,
)
from tests.sql.support import Api

from sharedstate import SharedState
from sharedstate.testing import RunningStack, Workspace
from sharedstate_agents import probes
from sharedstate_agents.setup import claude
from sharedstate_ops.stack import StackInfo

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "examples"), str(ROOT)]


@pytest.fixture
def api(http: httpx.Client, stack: StackInfo, workspace: str) -> Api:
    """The test's workspace."""
    return Api(http, stack, workspace)


@pytest.fixture
def harness(tmp_path: Path, sharedstate_workspace: Workspace) -> Harness:
    """A session in a project with the subsystems skeleton and power."""
    return Harness.make(tmp_path, sharedstate_workspace)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Call `sharedstate setup` in a project, with our programs on the PATH and one role."""
    for name in ("SUPABASE_URL", "SUPABASE_KEY", "CLAUDE_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    programs = tmp_path / "programs"
    install_programs(programs)
    monkeypatch.setenv("PATH", f"{programs}:{PATH}")
    roles = tmp_path / "roles"
    roles.mkdir()
    (roles / "skeleton.md").write_text("---\nname: skeleton\n---\nYou design the skeleton.\n")
    monkeypatch.setattr(claude, "ROLE_FOLDERS", (roles,))

    def invoke(root: Path, *arguments: str) -> Answer:
        monkeypatch.chdir(root)
        return sharedstate("setup", *arguments)

    return invoke


@pytest.fixture
def whole_patient(
    tmp_path: Path, stack: StackInfo, workspace: str, monkeypatch: pytest.MonkeyPatch
) -> Patient:
    for name in ("SUPABASE_URL", "SUPABASE_KEY", "SHAREDSTATE_WORKSPACE", "CLAUDE_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", PATH)
    env = f"SUPABASE_URL={stack.url}\nSUPABASE_KEY={stack.agent_key}\n"
    root = make_project(
        tmp_path / "p",
        {
            ".env": f"{env}SHAREDSTATE_WORKSPACE={workspace}\n",
            ".gitignore": ".env\n.venv\n",
            "sharedstate.toml": TOML,
        },
    )
    install_programs(root / ".venv/bin")
    made = Patient(root)
    assert made.run("setup", "claude", "--yes").exit_code == 0
    return made


@pytest.fixture
def patient(whole_patient: Patient, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """The same for what has nothing to do with the MCP server: it takes seconds to start."""
    monkeypatch.setattr(probes, "tools_of", lambda *_: ("", ["overview"]))
    return whole_patient


@pytest.fixture(scope="session")
def shared(sharedstate_stack: RunningStack, sharedstate_operator: SharedState) -> Workspace:
    """A workspace that several tests work in, each on subsystems of its own."""
    name = f"test-{uuid4().hex[:12]}"
    sharedstate_operator.init_workspace(name)
    return Workspace(name, sharedstate_stack.url, sharedstate_stack.agent_key)


@pytest.fixture(scope="session")
def server(shared: Workspace) -> Iterator[Server]:
    """A server over stdio in that workspace."""
    with connected(stdio(shared, CLAUDE_CODE_SESSION_ID="session-7")) as made:
        yield made


@pytest.fixture
def other(shared: Workspace) -> Iterator[SharedState]:
    """Another agent in it, that uses the Python client."""
    with shared.connect() as state:
        yield state


@pytest.fixture
def subsystem() -> str:
    return f"part-{uuid4().hex[:8]}"
