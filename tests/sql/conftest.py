"""The database as an agent and as its owner see it, in a fresh workspace for each test."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import httpx
import pytest
from tests.sql.mutations import MUTATIONS, Mutation
from tests.sql.support import Api, make_workspace
from tests.sql.waiting import Client, Make

from sharedstate_ops.stack import StackInfo


@pytest.fixture
def api(http: httpx.Client, stack: StackInfo, workspace: str) -> Api:
    """The test's own workspace."""
    return Api(http, stack, workspace)


@pytest.fixture
def new_workspace(http: httpx.Client, stack: StackInfo) -> Callable[[], Api]:
    """Makes further workspaces."""
    return lambda: make_workspace(http, stack, f"test-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def make(api: Api) -> Make:
    """Makes clients that ask for locks, by name."""
    return lambda name: Client(api, name)


@pytest.fixture(params=MUTATIONS, ids=lambda mutation: mutation.name)
def mutation(request: pytest.FixtureRequest) -> Mutation:
    """Each mutating function in turn."""
    found: Mutation = request.param
    return found
