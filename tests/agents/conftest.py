"""What tests of the agents' doors share; the humanoid example's job is played by MCP tools."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest
from tests.agents.projects import PATH, Answer, Run, install_programs, sharedstate
from tests.sql.support import Api

from sharedstate_agents.setup import claude
from sharedstate_ops.stack import StackInfo

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "examples"), str(ROOT)]


@pytest.fixture
def api(http: httpx.Client, stack: StackInfo, workspace: str) -> Api:
    """The test's workspace."""
    return Api(http, stack, workspace)


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
