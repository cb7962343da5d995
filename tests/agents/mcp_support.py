"""The SDK's client on a real server process, for tests that are not asynchronous themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import anyio.from_thread
import httpx
import httpx2
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from tests.awaiting import await_answer

from sharedstate.testing import Workspace
from sharedstate_ops.stack import processes

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "sharedstate_ops", "mcp"]
ME, OTHER = "skeleton_agent", "power_agent"
Mode = Literal["legacy", "auto"]
# Answers are at most 2,000 tokens of 4 characters.
MOST_CHARACTERS = 8000
STARTS_WITHIN_S = 60


class ToolFailed(Exception):
    """What a model is told of a call that failed."""


@dataclass(frozen=True)
class Server:
    """A connection to a server. `portal` runs its event loop."""

    portal: anyio.from_thread.BlockingPortal
    client: Client

    def answer(self, tool: str, **arguments: Any) -> Any:
        """The result of a call as it came."""
        return self.portal.call(self.client.call_tool, tool, arguments)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured content of an answer; ToolFailed with the text of an error."""
        answer = self.answer(tool, **arguments)
        if answer.is_error:
            raise ToolFailed(answer.content[0].text)
        content: dict[str, Any] = answer.structured_content
        return content

    def refused(self, tool: str, **arguments: Any) -> str:
        """The text of the error that a call has to end with."""
        answer = self.answer(tool, **arguments)
        assert answer.is_error, answer.structured_content
        text: str = answer.content[0].text
        return text


@contextmanager
def connected(target: Any, mode: Mode = "legacy") -> Iterator[Server]:
    """The SDK's client on a process, a URL or a transport."""
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(target, mode=mode)) as client,
    ):
        yield Server(portal, client)


def environment_of(workspace: Workspace, **more: str) -> dict[str, str]:
    """The environment in which a server finds the workspace."""
    python_path = os.environ.get("PYTHONPATH", str(ROOT / "client"))
    return {**workspace.environment, "PYTHONPATH": python_path, **more}


def stdio(workspace: Workspace, folder: Path = Path("/"), /, **more: str) -> StdioServerParameters:
    """A server over stdio in the workspace, with more variables of its environment."""
    return StdioServerParameters(
        command=COMMAND[0], args=COMMAND[1:], env=environment_of(workspace, **more), cwd=str(folder)
    )


def with_token(url: str, token: str) -> Any:
    """What the SDK's client speaks by to a server over HTTP, with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    http = httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False)
    return streamable_http_client(url, http_client=http)


@contextmanager
def http_server(workspace: Workspace) -> Iterator[str]:
    """A server over HTTP on a free port: its address."""
    port = processes.free_port()
    environment = {**os.environ, **environment_of(workspace)}
    command = [*COMMAND, "--http", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, cwd="/", stdin=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/mcp"
    try:
        await_answer(lambda: process.poll() is not None or _answers(url), True, STARTS_WITHIN_S)
        assert process.poll() is None
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.post(url, trust_env=False).status_code == 401
    except httpx.TransportError:
        return False
