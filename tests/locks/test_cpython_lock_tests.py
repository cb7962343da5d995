"""CPython's own tests of threading.Lock, on ours, through the real stack."""

from __future__ import annotations

import importlib
import itertools
import unittest
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo

lock_tests: Any
try:
    lock_tests = importlib.import_module("test.lock_tests")
except ImportError:  # some distributions ship Python without its `test` package
    lock_tests = None


def _names(case: str) -> Sequence[str]:
    if lock_tests is None:
        return []
    names = unittest.TestLoader().getTestCaseNames(getattr(lock_tests, case))
    # Of a method that is private to CPython's own locks.
    return [name for name in names if name != "test_at_fork_reinit"]


@pytest.fixture
def client(stack: StackInfo, workspace: str) -> Iterator[SharedState]:
    with (
        SharedState("run", workspace=workspace, url=stack.url, key=stack.agent_key) as state,
        # One thread renews all locks while any is held. It runs throughout, so that it is not taken
        # for a leak by tests that end with a lock held.
        state.lock("cpython", "kept", "agent"),
    ):
        yield state


def _run(case: str, name: str, locktype: Callable[[], Any]) -> None:
    kind = type(case, (getattr(lock_tests, case),), {"locktype": staticmethod(locktype)})
    result = unittest.TestResult()
    kind(name).run(result)
    problems = [text for _, text in (*result.errors, *result.failures)]
    assert result.testsRun == 1
    assert not problems, "\n".join(problems)
    if result.skipped:
        pytest.skip(result.skipped[0][1])


def _fresh() -> Iterator[str]:
    return (f"lock-{number}-{uuid.uuid4().hex[:8]}" for number in itertools.count())


@pytest.mark.skipif(lock_tests is None, reason="this Python has no package `test`")
@pytest.mark.parametrize("name", _names("LockTests") or ["none"])
def test_a_lock_passes_the_tests_of_threading_lock(client: SharedState, name: str) -> None:
    names = _fresh()
    _run("LockTests", name, lambda: client.lock("cpython", next(names), "agent"))
