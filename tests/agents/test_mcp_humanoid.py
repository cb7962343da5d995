"""The humanoid job by MCP tools alone: seven agents, each with a connection of its own."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from tests.agents.mcp_player import ArchitectPlayer, DesignPlayer, Player
from tests.agents.mcp_support import connected, http_server, stdio, with_token

from humanoid.customer import order, read_requirements
from humanoid.domain.budgets import allocations_of, first_budgets
from humanoid.domain.requirements import parse_requirements
from humanoid.flow import ARCHITECT, CONVERGED, INTEGRATION, READS, agent_of
from humanoid.proposals import Designer
from humanoid.runner import DEFAULT_REQUIREMENTS, shortcomings
from sharedstate import SharedState
from sharedstate.testing import Workspace
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.keys import make_token

ENDS_WITHIN_S = 240
NAMES = (ARCHITECT, *READS)


@pytest.fixture(params=["stdio", "http"])
def connections(
    request: pytest.FixtureRequest, sharedstate_workspace: Workspace, stack: StackInfo
) -> Iterator[dict[str, Any]]:
    """By subsystem what its agent connects to: a process of its own, or one for all."""
    if request.param == "stdio":
        yield {
            name: stdio(sharedstate_workspace, SHAREDSTATE_AGENT=agent_of(name)) for name in NAMES
        }
        return
    with http_server(sharedstate_workspace) as url:
        yield {
            name: with_token(url, token_of(stack, sharedstate_workspace.name, agent_of(name)))
            for name in NAMES
        }


def token_of(stack: StackInfo, workspace: str, agent: str) -> str:
    return make_token(stack.jwt_secret, "authenticated", workspace=workspace, agent=agent)


def test_seven_agents_at_their_tools_converge_as_the_demo_does(
    connections: dict[str, Any], state: SharedState
) -> None:
    wanted = read_requirements(DEFAULT_REQUIREMENTS)
    customer = order(state, wanted)
    parsed = parse_requirements(wanted)
    # Limits are the owner's: no tool sets them.
    limits = {
        "total_mass_kg_max": parsed.mass_kg_max,
        "total_cost_usd_max": parsed.cost_usd_max,
        "height_m": parsed.height_m,
        "voltage_v": parsed.voltage_v,
        "budget_allocations": allocations_of(first_budgets(parsed)),
        "metadata": {"customer": customer},
    }
    state.update_global_constraints(limits, "customer")
    with ExitStack() as stack, ThreadPoolExecutor(len(NAMES)) as pool:
        servers = list(
            pool.map(lambda target: stack.enter_context(connected(target)), connections.values())
        )
        players: list[Player] = [
            ArchitectPlayer(server, name)
            if name == ARCHITECT
            else DesignPlayer(server, designer_of(name))
            for name, server in zip(connections, servers, strict=True)
        ]
        verdicts = pool.map(lambda player: player.play(ENDS_WITHIN_S), players)
        assert list(verdicts) == [CONVERGED] * len(NAMES)
    conflicts: Any = (
        state.supabase.table("conflicts").select("*").eq("workspace", state.workspace).execute()
    ).data
    design = state.get_subsystem_design(INTEGRATION)
    assert design
    rows: list[Any] = list(state.get_system_status())
    robot: list[Any] = list(state.get_budget_usage("robot"))
    assert shortcomings(rows, conflicts, design["design_data"], robot) == []
    assert state.get_board()["leases"] == []


def designer_of(name: str) -> Designer:
    module = importlib.import_module(f"humanoid.agents.{name}")
    return Designer(name, module.LEVELS, module.design)
