"""The MCP server over HTTP: our own tokens, and nobody without one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.agents.mcp_support import (
    COMMAND,
    ME,
    STARTS_WITHIN_S,
    Mode,
    connected,
    environment_of,
    http_server,
    with_token,
)

from sharedstate import SharedState
from sharedstate.testing import Workspace
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.keys import make_token

PING: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def url(stack: StackInfo) -> Iterator[str]:
    """One server for all tests here; tokens say which workspace is meant."""
    anywhere = Workspace("default", stack.url, stack.agent_key)
    with http_server(anywhere) as address:
        yield address


def asked(url: str, authorization: str | None) -> int:
    headers = ACCEPT | ({"authorization": authorization} if authorization else {})
    return httpx.post(url, json=PING, headers=headers, trust_env=False).status_code


def test_without_a_good_token_nobody_is_answered(url: str, stack: StackInfo) -> None:
    secret = stack.jwt_secret
    refused = {
        "no token": None,
        "another kind": "Basic abc",
        "no token at all": "Bearer nonsense",
        "of another secret": f"Bearer {make_token('x' * 40, 'authenticated')}",
        "of anybody": f"Bearer {make_token(secret, 'anon')}",
        "that has expired": f"Bearer {make_token(secret, 'authenticated', ttl=-60)}",
        "of no role": f"Bearer {make_token(secret, 'nobody')}",
        "with a line break": "Bearer a\tb",
    }
    assert {what: asked(url, header) for what, header in refused.items()} == dict.fromkeys(
        refused, 401
    )
    assert asked(url, f"Bearer {stack.agent_key}") == 200


def test_a_page_of_another_origin_is_refused(url: str, stack: StackInfo) -> None:
    headers = ACCEPT | {"authorization": f"Bearer {stack.agent_key}", "origin": "http://evil.test"}
    assert httpx.post(url, json=PING, headers=headers, trust_env=False).status_code == 403


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_tokens_speak_for_their_agents_in_their_workspaces(
    url: str, stack: StackInfo, workspace: str, state: SharedState, mode: Mode
) -> None:
    def token(agent: str) -> str:
        return make_token(stack.jwt_secret, "authenticated", workspace=workspace, agent=agent)

    with (
        connected(with_token(url, token(ME)), mode) as mine,
        connected(with_token(url, token("power_agent")), mode) as others,
    ):
        assert mine.call("checkout", subsystem="skeleton")["granted"]
        answer = others.call("checkout", subsystem="skeleton")
        assert (answer["granted"], answer["held_by"]["held_by"]) == (False, ME)
        text = others.refused("checkout", subsystem="power", agent_name=ME)
        assert "agent_mismatch" in text
        stolen = {"execution_id": mine.call("my_situation")["execution_id"]}
        text = others.refused("checkin", subsystem="skeleton", state="stolen", **stolen)
        assert "lease_lost" in text or "agent_mismatch" in text
        assert mine.call("checkin", subsystem="skeleton", state="mine")["released"]
    status = state.get_subsystem_status("skeleton")
    assert status and status["state"] == "mine"


def test_leases_outlive_the_server_and_its_successor_finds_them(
    sharedstate_workspace: Workspace, stack: StackInfo, state: SharedState
) -> None:
    run = {"subsystem": "skeleton", "agent_name": ME}
    with (
        http_server(sharedstate_workspace) as url,
        connected(with_token(url, stack.agent_key)) as server,
    ):
        assert server.call("checkout", **run)["granted"]
    assert state.get_lock("subsystem", "skeleton")
    with (
        http_server(sharedstate_workspace) as url,
        connected(with_token(url, stack.agent_key)) as server,
    ):
        assert server.call("checkin", state="complete", **run)["released"]


def test_a_taken_port_is_told(sharedstate_workspace: Workspace, url: str) -> None:
    port = url.rpartition(":")[2].split("/")[0]
    done = subprocess.run(
        [*COMMAND, "--http", "--port", port],
        env={**os.environ, **environment_of(sharedstate_workspace)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=STARTS_WITHIN_S,
    )
    assert done.returncode == 1
    assert "Address already in use" in done.stderr and port in done.stderr
    assert "Traceback" not in done.stderr
