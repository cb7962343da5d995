"""`sharedstate log -f` as a process: what comes is printed once, until Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.stack.installation import PROGRAM

from sharedstate import SharedState
from sharedstate_ops.cli import log, session
from sharedstate_ops.cli.target import Target
from sharedstate_ops.stack import StackInfo

INTERRUPTED = 130


@pytest.fixture
def following(environment: dict[str, str], state: SharedState) -> Iterator[subprocess.Popen[str]]:
    """The process, which has shown the one old entry of its agent."""
    state.log_agent_activity("a", "before")
    state.log_agent_activity("b", "of another")
    command = [sys.executable, "-c", PROGRAM, "log", "-f", "--json", "--agent", "a"]
    variables = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert [entry["activity"] for entry in said(process, 1)] == ["before"]
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], count: int) -> list[Any]:
    """The next entries that it prints."""
    assert process.stdout is not None
    return [json.loads(process.stdout.readline()) for _ in range(count)]


def test_it_goes_on_with_what_comes_none_missed_and_none_twice(
    following: subprocess.Popen[str], state: SharedState
) -> None:
    for number in range(20):
        state.log_agent_activity("a", "during", {"n": number})
    assert [entry["details"]["n"] for entry in said(following, 20)] == list(range(20))
    following.send_signal(signal.SIGINT)
    assert following.communicate(timeout=30) == ("", "")
    assert following.returncode == INTERRUPTED


def test_when_the_database_ends_its_session_it_says_so_and_goes_on(
    following: subprocess.Popen[str], state: SharedState, stack: StackInfo
) -> None:
    state.log_agent_activity("a", "during")
    said(following, 1)
    with psycopg.connect(stack.database_url, autocommit=True) as owner:
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'sharedstate' and pid <> pg_backend_pid()"
        )
    state.log_agent_activity("a", "in the outage")
    assert following.stderr is not None
    warning, back = following.stderr.readline(), following.stderr.readline()
    assert "cut off" in warning
    assert "answers again" in back
    state.log_agent_activity("a", "after")
    assert [entry["activity"] for entry in said(following, 2)] == ["in the outage", "after"]
    following.send_signal(signal.SIGINT)
    assert following.communicate(timeout=30) == ("", "")


def test_over_an_outage_longer_than_its_patience_it_misses_no_entry(
    stack: StackInfo, state: SharedState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_PAUSE_S", 0)
    nothing = "postgresql://postgres@127.0.0.1:1/agentcad"
    addresses = iter([stack.database_url, nothing, nothing, stack.database_url])
    target = Target(lambda: next(addresses), "DATABASE_URL")
    with session.acting_in(target, state.workspace) as operator:
        (start,) = operator.call("read_activity")
    state.log_agent_activity("a", "in the outage")
    entries = log._following(target, state.workspace, start["cursor"], {})
    assert next(entries)["activity"] == "in the outage"
    assert next(addresses, None) is None
