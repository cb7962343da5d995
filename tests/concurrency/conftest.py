"""The processes that race, started once for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.concurrency.crew import Crew
from tests.concurrency.stage import Stage

from sharedstate_ops.stack import StackInfo


@pytest.fixture(scope="session")
def processes(stack: StackInfo) -> Iterator[Crew]:
    started = Crew(stack)
    yield started
    started.close()


@pytest.fixture
def crew(processes: Crew) -> Iterator[Crew]:
    """Sixteen real client processes, none of them busy."""
    yield processes
    processes.replace_busy()


@pytest.fixture
def stage(stack: StackInfo, workspace: str) -> Iterator[Stage]:
    """Two open transactions, to make an order of events on purpose."""
    sessions = Stage(stack, workspace)
    yield sessions
    sessions.close()


@pytest.fixture(scope="session")
def effort() -> int:
    """How many times as many rounds to run: SHAREDSTATE_TEST_EFFORT, 1 by default."""
    return int(os.environ.get("SHAREDSTATE_TEST_EFFORT", "1"))


@pytest.fixture(scope="session")
def database(stack: StackInfo) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """The owner's connection, to look at and to prepare rows."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        yield connection
