"""The benchmark of the MCP server runs."""

from __future__ import annotations

import asyncio
import io

import pytest
from rich.console import Console

import mcp_server
from sharedstate_ops.stack import StackInfo


def test_the_benchmark_measures_calls_starts_and_many_agents(
    stack: StackInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp_server, "AGENTS", 2)  # each starts a server of its own
    printed = io.StringIO()
    asyncio.run(mcp_server.report(Console(file=printed, width=120), stack, rounds=2))
    assert printed.getvalue().count("promised") == 3
