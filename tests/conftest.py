"""Fixtures that all tests share: one real stack per session, one fresh workspace per test."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sharedstate import SharedState
from sharedstate._http import LIMITS
from sharedstate_ops.stack import Stack, StackInfo

if TYPE_CHECKING:
    from sharedstate.testing import Workspace  # pytest itself loads the plugin

pytest_plugins = ["sharedstate.testing", "tests.tiers"]

Rpc = Callable[..., tuple[int, Any]]


# A shell starts its background jobs with Ctrl-C ignored, and all that they start inherits that: the
# tests of interruption would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    # The same below nohup. Where we go on ignoring it by a function, programs start with the usual.
    signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Stop the stacks of workers that were interrupted: xdist kills them before fixtures end."""
    config = session.config
    if exitstatus == pytest.ExitCode.INTERRUPTED and not hasattr(config, "workerinput"):
        for home in config._tmp_path_factory.getbasetemp().glob("popen-gw*/**/.sharedstate"):  # type: ignore[attr-defined]
            Stack(home.parent).down()


def migrations_folder() -> Path | None:
    """Other migrations than the package's own, from SHAREDSTATE_TEST_MIGRATIONS: the mutants'."""
    folder = os.environ.get("SHAREDSTATE_TEST_MIGRATIONS")
    return Path(folder) if folder else None


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackInfo]:
    """A running stack on free ports with data of its own; stopped by pid, also after a failure."""
    running = Stack(
        tmp_path_factory.mktemp("stack"),
        db_port=None,
        api_port=None,
        migrations_folder=migrations_folder(),
    )
    try:
        yield running.up()
    finally:
        running.down()


@pytest.fixture(scope="session")
def sharedstate_stack(stack: StackInfo) -> StackInfo:
    """The same, for the fixtures that our users have too."""
    return stack


@pytest.fixture(scope="session")
def http(stack: StackInfo) -> Iterator[httpx.Client]:
    """A bare client on the gateway, for tests that look at the HTTP answers themselves."""
    with httpx.Client(
        base_url=f"{stack.url}/rest/v1", timeout=30, trust_env=False, limits=LIMITS
    ) as client:
        yield client


@pytest.fixture
def workspace(sharedstate_workspace: Workspace) -> str:
    """A fresh workspace with the default configuration."""
    return sharedstate_workspace.name


@pytest.fixture
def rpc(http: httpx.Client, stack: StackInfo, workspace: str) -> Rpc:
    """Call an RPC as an agent of `workspace`: rpc("acquire_lock", resource_type=...).

    Answers (status, json). `key` and `headers` replace the agent's key and add headers.
    """

    def call(
        name: str,
        /,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **arguments: Any,
    ) -> tuple[int, Any]:
        answer = http.post(
            f"/rpc/{name}",
            json=arguments,
            headers={
                "apikey": key or stack.agent_key,
                "x-workspace": workspace,
                **(headers or {}),
            },
        )
        return answer.status_code, answer.json() if answer.content else None

    return call


@pytest.fixture
def state(sharedstate_workspace: Workspace) -> Iterator[SharedState]:
    """A SharedState on `workspace` with an execution of its own."""
    with sharedstate_workspace.connect() as client:
        yield client
