"""One MCP server for all tests that leave it as it was, and the humanoid example importable."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.agents.mcp_support import Server, connected, stdio

from sharedstate import SharedState
from sharedstate.testing import RunningStack, Workspace

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "examples"), str(ROOT)]


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
