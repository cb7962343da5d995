"""A plugin for pytest: a real stack and a fresh workspace, for tests of your own agents.

In conftest.py: `pytest_plugins = ["sharedstate.testing"]`. See docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

import pytest

from sharedstate import SharedState


class RunningStack(Protocol):
    """Where a stack is, with the keys of an agent and of an operator."""

    @property
    def url(self) -> str: ...
    @property
    def agent_key(self) -> str: ...
    @property
    def service_key(self) -> str: ...


@dataclass(frozen=True)
class Workspace:
    """A workspace of one test's own, with the default configuration."""

    name: str
    url: str
    key: str = field(repr=False)

    def connect(self, execution_id: str | None = None) -> SharedState:
        """A client, which is a run of its own unless `execution_id` names one. Close it."""
        return SharedState(execution_id, workspace=self.name, url=self.url, key=self.key)

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which an agent in another process finds the workspace."""
        return {
            "SUPABASE_URL": self.url,
            "SUPABASE_KEY": self.key,
            "SHAREDSTATE_WORKSPACE": self.name,
        }


@pytest.fixture(scope="session")
def sharedstate_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack on free ports that ends with the session. Override it to use one that runs."""
    try:
        from sharedstate_ops.stack import Stack
    except ModuleNotFoundError as error:
        missing = f'the package {error.name} is missing: pip install "sharedstate[local]"'
        pytest.fail(missing, pytrace=False)
    stack = Stack(tmp_path_factory.mktemp("sharedstate"))
    try:
        yield stack.up()
    finally:
        stack.down()


@pytest.fixture(scope="session")
def sharedstate_operator(sharedstate_stack: RunningStack) -> Iterator[SharedState]:
    """A client with the operator's key."""
    url, key = sharedstate_stack.url, sharedstate_stack.service_key
    with SharedState(workspace="default", url=url, key=key) as operator:
        yield operator


@pytest.fixture
def sharedstate_workspace(
    sharedstate_stack: RunningStack, sharedstate_operator: SharedState
) -> Workspace:
    """A fresh workspace, so that no test sees what another one wrote."""
    name = f"test-{uuid4().hex[:12]}"
    # Without a request id, which would be the first thing that is kept in the workspace.
    sharedstate_operator.supabase.rpc("init_workspace", {"workspace_name": name}).execute()
    return Workspace(name, sharedstate_stack.url, sharedstate_stack.agent_key)
