"""Who calls: executions of one connection, what is found again, and what ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.agents.mcp_support import COMMAND, ME, Server, connected, environment_of, stdio
from tests.awaiting import await_answer

from sharedstate import SharedState
from sharedstate.testing import Workspace

# Between the end of the input of a server and the end of what its agents held.
ENDS_WITHIN_S = 2.0
AGENTS, ROUNDS = 20, 2


def held_by(state: SharedState) -> dict[str, str]:
    """Who holds each subsystem, by execution."""
    return {row["resource_name"]: row["execution_id"] for row in state.get_board()["leases"]}


def test_twenty_agents_of_one_server_exclude_each_other_and_no_token_is_crossed(
    server: Server, other: SharedState
) -> None:
    """Each holds a subsystem of its own, tries to write another's, and counts on a shared one."""
    with ThreadPoolExecutor(AGENTS) as pool:
        wrongs = pool.map(lambda number: _work_beside_others(server, number), range(AGENTS))
        assert [one for wrong in wrongs for one in wrong] == []
    design = other.get_subsystem_design("shared")
    assert design
    assert design["design_data"]["count"] == design["version"] == AGENTS * ROUNDS
    for row in other.get_all_subsystem_statuses():
        if row["name"].startswith("of-"):
            assert row["last_execution_id"] == f"cc:s1:{row['name'].removeprefix('of-')}-id"


def _work_beside_others(server: Server, number: int) -> list[str]:
    """What went wrong."""
    agent = f"a{number}"
    me = {"agent_name": agent, "execution_id": f"cc:s1:{agent}-id"}
    mine, shared = ({"subsystem": name, **me} for name in (f"of-{agent}", "shared"))
    wrong = []
    for round_ in range(ROUNDS):
        if not server.call("checkout", **mine)["granted"]:
            wrong.append(f"{agent} did not get its own")
        while not server.call("checkout", wait_seconds=20, **shared)["granted"]:
            pass
        read = server.call("read_document", subsystem="shared", document="design")
        change = {"/count": read["content"].get("count", 0) + 1, "/by": agent}
        base = read["version"]
        server.call("save", document="design", base_version=base, set=change, **shared)
        server.call("checkin", state="x", **shared)
        neighbour = f"a{(number + round_ + 1) % AGENTS}"
        theirs = {"subsystem": f"of-{neighbour}", "state": "stolen", **me}
        if not server.answer("checkin", **theirs).is_error:
            wrong.append(f"{agent} wrote what {neighbour} holds")
        if not server.call("checkin", state=f"round {round_}", **mine)["released"]:
            wrong.append(f"{agent} lost its own")
    return wrong


def test_a_server_of_one_agent_needs_no_name_and_takes_no_other(
    sharedstate_workspace: Workspace, state: SharedState
) -> None:
    environment = {"CLAUDE_CODE_SESSION_ID": "s1", "SHAREDSTATE_AGENT": ME}
    with connected(stdio(sharedstate_workspace, **environment), "auto") as server:
        assert server.call("checkout", subsystem="skeleton")["granted"]
        text = server.refused("checkout", subsystem="power", agent_name="power_agent")
        assert "agent_mismatch" in text and "leave agent_name out" in text.lower()
        (lease,) = state.get_board()["leases"]
        assert (lease["locked_by"], lease["execution_id"]) == (ME, f"cc:s1:{ME}")


def test_what_a_killed_server_left_is_found_again_by_another(
    server: Server, shared: Workspace, other: SharedState, subsystem: str
) -> None:
    run = {"subsystem": subsystem, "agent_name": ME, "execution_id": f"cc:s1:{subsystem}"}
    # As a server that was killed with -9 leaves it.
    with shared.connect(run["execution_id"]) as left:
        left.acquire_lock("subsystem", subsystem, ME, ttl_seconds=120)
    before = other.get_lock("subsystem", subsystem)
    server.call("save", document="design", base_version=0, set={"/a": 1}, **run)
    lock = other.get_lock("subsystem", subsystem)
    assert before and lock
    assert lock["expires_at"] > before["expires_at"]  # it did something
    assert server.call("checkin", state="complete", **run)["released"]
    assert other.get_lock("subsystem", subsystem) is None


def test_the_end_of_its_input_ends_what_its_agents_hold_and_wait_for(
    sharedstate_workspace: Workspace, state: SharedState
) -> None:
    """Also while calls are under way, of which one waits in line."""
    state.acquire_lock("subsystem", "shell", "other")
    with connected(stdio(sharedstate_workspace)) as server:
        server.call("checkout", subsystem="skeleton", agent_name=ME)
        server.call("reserve_budget", subsystem="power", agent_name="power_agent", mass_kg=1)
        waits = {"subsystem": "shell", "agent_name": ME, "wait_seconds": 45}
        waiting = server.portal.start_task_soon(server.client.call_tool, "checkout", waits)
        await_answer(lambda: len(state.get_board()["queue"]), 1)
        ended_at = time.monotonic()
    assert waiting.done()
    await_answer(lambda: list(held_by(state)), ["shell"], ENDS_WITHIN_S)
    assert state.get_board()["queue"] == []
    (usage,) = [row for row in state.get_budget_usage("power") if row["quantity"] == "mass_kg"]
    assert usage["held"] == 0
    assert time.monotonic() - ended_at < ENDS_WITHIN_S + 2  # with that of the client itself


CLIENT = """
import sys, time
sys.path[:0] = {paths!r}
from tests.agents.mcp_support import connected
from mcp import StdioServerParameters
with connected(StdioServerParameters(**{parameters!r})) as server:
    server.call("checkout", subsystem="skeleton", agent_name={agent!r})
    print("holds", flush=True)
    time.sleep(600)
"""


def test_a_client_that_is_killed_with_its_agents_leaves_nothing_held(
    sharedstate_workspace: Workspace, state: SharedState
) -> None:
    parameters: dict[str, Any] = stdio(sharedstate_workspace).model_dump()
    program = CLIENT.format(paths=sys.path, parameters=parameters, agent=ME)
    client = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert client.stdout and client.stdout.readline() == "holds\n"
        assert list(held_by(state)) == ["skeleton"]
    finally:
        client.kill()
    client.wait()
    await_answer(lambda: held_by(state), {}, ENDS_WITHIN_S)


def test_a_server_that_is_asked_to_end_ends_what_its_agents_hold(
    sharedstate_workspace: Workspace, state: SharedState
) -> None:
    command = [*COMMAND, "--agent", ME]
    environment = {**os.environ, **environment_of(sharedstate_workspace)}
    server = subprocess.Popen(
        command,
        env=environment,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin and server.stdout
    for message in (
        '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
        '"capabilities":{},"clientInfo":{"name":"t","version":"1"}}}',
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"checkout",'
        '"arguments":{"subsystem":"skeleton"}}}',
    ):
        server.stdin.write(message + "\n")
        server.stdin.flush()
    answers = [server.stdout.readline() for _ in range(2)]
    assert '"granted":true' in answers[1].replace('\\"', '"')
    server.send_signal(signal.SIGTERM)
    assert server.wait(10) == 0
    assert held_by(state) == {}


def test_the_workspace_is_that_which_the_project_names_for_hooks_too(
    sharedstate_workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "sharedstate.toml").write_text(f'workspace = "{sharedstate_workspace.name}"\n')
    elsewhere = stdio(sharedstate_workspace, tmp_path, SHAREDSTATE_WORKSPACE="default")
    with connected(elsewhere) as server:
        assert server.call("overview")["workspace"] == sharedstate_workspace.name


def test_an_execution_that_names_a_whole_session_is_refused(server: Server) -> None:
    told = server.refused("note", activity="hello", agent_name=ME, execution_id="cc:")
    assert told.endswith("execution_id ends in a colon. Next: Leave it out.")
