"""What tests of the agents' doors share; the humanoid example's job is played by MCP tools."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest
from tests.sql.support import Api

from sharedstate_ops.stack import StackInfo

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "examples"), str(ROOT)]


@pytest.fixture
def api(http: httpx.Client, stack: StackInfo, workspace: str) -> Api:
    """The test's workspace."""
    return Api(http, stack, workspace)
