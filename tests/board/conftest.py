"""Windows on the board of the session's stack, and a workspace in which something is going on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.board.browser import FLAGS, Window, new_window, take_picture
from tests.tools import chromium

from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo

expect.set_options(timeout=20_000)

Sql = Callable[..., None]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one file: while it runs no other test of the process can run an event loop of its own."""
    program = chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def new(
    browser: Browser, stack: StackInfo, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Window]]:
    """Open windows: new(color_scheme="dark"). Each is looked over and pictured in the end."""
    opened: list[Window] = []

    def make(**options: Any) -> Window:
        opened.append(new_window(browser, stack.url, **options))
        return opened[-1]

    yield make
    keys = [stack.agent_key, stack.service_key]
    try:
        for number, window in enumerate(opened):
            suffix = f"-{number + 1}" if number else ""
            take_picture(window, f"{Path(request.node.fspath).stem}-{request.node.name}{suffix}")
            window.require_good_behaviour(keys)
    finally:
        for window in opened:
            window.page.context.close()


@pytest.fixture
def window(new: Callable[..., Window]) -> Window:
    return new()


@pytest.fixture
def page(window: Window, stack: StackInfo, workspace: str) -> Page:
    """An agent's look at the test's workspace."""
    return window.open(stack.agent_key, workspace)


@pytest.fixture
def operators_page(window: Window, stack: StackInfo, workspace: str) -> Page:
    """An operator's look at the same."""
    return window.open(stack.service_key, workspace)


@pytest.fixture
def sql(stack: StackInfo) -> Iterator[Sql]:
    """Run a statement as the owner of the database."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:

        def run(statement: str, *values: object) -> None:
            connection.execute(statement.encode(), values)

        yield run


@pytest.fixture
def busy(state: SharedState, sql: Sql) -> SharedState:
    """A workspace in which something of each kind needs somebody."""
    state.update_subsystem_status(
        "skeleton",
        {"state": "complete", "current_mass_kg": 12.5, "current_cost_usd": 2400},
    )
    state.update_subsystem_status("actuation", {"state": "designing", "current_mass_kg": 16.4})
    state.update_subsystem_status("power", {"state": "designing", "current_power_w": 20})
    state.log_conflict(
        "high",
        "actuation_agent",
        "system_architect",
        "Motors need 200 W more",
        priority=1,
        blocks=["power_agent"],
    )
    for version in (1, 2):
        state.update_subsystem_interfaces("skeleton", {"mounts": 3 + version}, "skeleton_agent")
        state.record_dependency("actuation", "skeleton", "interfaces", "actuation_agent", 1)
    state.record_dependency("power", "skeleton", "interfaces", "power_agent", 2)
    for name, agent in (("actuation", "actuation_agent"), ("shell", "shell_agent")):
        assert state.acquire_lock("subsystem", name, agent, ttl_seconds=3600)
    sql(
        "update agent_locks set expires_at = clock_timestamp() + interval '10 minutes' "
        "where workspace = %s and resource_name = 'actuation'",
        state.workspace,
    )
    sql(
        "update agent_locks set expires_at = clock_timestamp() + interval '50 minutes' "
        "where workspace = %s and resource_name = 'shell'",
        state.workspace,
    )
    state.log_agent_activity(
        "power_agent",
        "hook_failed",
        {"event": "PreToolUse", "reason": "no answer within 2 s", "count": 3},
    )
    return state


@pytest.fixture
def many(state: SharedState, sql: Sql) -> SharedState:
    """200 subsystems, 500 agents that hold 60 locks, and 230 open conflicts."""
    # By the tables, which is quicker than by 500 calls.
    for statement in (
        "delete from subsystems where workspace = %s",
        """insert into subsystems (workspace, name, state, current_mass_kg)
           select %s, 'part-' || lpad(n::text, 3, '0'), 'designing', n
           from generate_series(0, 199) as n""",
        """insert into agent_locks (workspace, resource_type, resource_name, locked_by,
             execution_id, expires_at, ttl_seconds, fencing_token)
           select %s, 'subsystem', 'part-' || lpad(n::text, 3, '0'), 'agent-' || n, 'run',
             clock_timestamp() + interval '1 hour', 3600, 1
           from generate_series(0, 59) as n""",
        """insert into conflicts (workspace, conflict_id, severity, source_agent, target_agent,
             description, reported_to)
           select %s, n, 'low', 'agent-' || n, 'architect', 'problem ' || n, 'architect'
           from generate_series(1, 230) as n""",
    ):
        sql(statement, state.workspace)
    state.log_agent_activities(
        [{"agent_name": f"agent-{n}", "activity": "noted"} for n in range(500)]
    )
    return state
