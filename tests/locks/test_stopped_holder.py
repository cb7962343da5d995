"""A holder that was stopped (SIGSTOP) past its time and goes on cannot write.

The same run without the check loses an update, so the test would notice if the check did nothing.
"""

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
from tests.locks.conftest import Make

from sharedstate import SharedState
from sharedstate_ops.stack import Stack, StackInfo

HOLDER = """
import json, sys
from sharedstate import SharedState, SharedStateError
url, key, workspace = sys.argv[1:]
with SharedState("stopped", workspace=workspace, url=url, key=key) as state:
    lock = state.lock("subsystem", "skeleton", "stopped", 1)
    lock.acquire()
    count = state.get_subsystem_status("skeleton")["metadata"].get("count", 0)
    print(json.dumps({"read": count, "token": lock.token}), flush=True)
    sys.stdin.readline()
    answer = {"lost": lock.lost, "error": None}
    try:
        state.update_subsystem_status("skeleton", {"count": count + 1})
    except SharedStateError as problem:
        answer["error"] = problem.slug
    try:
        lock.release()
    except SharedStateError as problem:
        answer["release"] = problem.slug
    print(json.dumps(answer), flush=True)
"""


def _run(stack: StackInfo, workspace: str, other: SharedState) -> tuple[dict[str, Any], int]:
    """The stopped holder's answers, and the count that is written in the end."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, stack.url, stack.agent_key, workspace],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None and holder.stdout is not None
    try:
        assert json.loads(holder.stdout.readline()) == {"read": 0, "token": 1}
        os.kill(holder.pid, signal.SIGSTOP)
        # Granted when the stopped holder's time is up, not before.
        with other.lock("subsystem", "skeleton", "other") as lock:
            assert lock.token == 2
            for _ in range(3):
                status = other.get_subsystem_status("skeleton")
                assert status is not None
                count = status["metadata"].get("count", 0)
                other.update_subsystem_status("skeleton", {"count": count + 1})
        os.kill(holder.pid, signal.SIGCONT)
        holder.stdin.write("go on\n")
        holder.stdin.flush()
        answer: dict[str, Any] = json.loads(holder.stdout.readline())
        assert holder.wait(10) == 0
    finally:
        holder.kill()
        holder.communicate()
    status = other.get_subsystem_status("skeleton")
    assert status is not None
    return answer, status["metadata"]["count"]


def test_a_stopped_holder_cannot_write_after_its_time(
    stack: StackInfo, workspace: str, make: Make
) -> None:
    answer, count = _run(stack, workspace, make("other"))
    assert answer == {"lost": True, "error": "lease_lost", "release": "lease_lost"}
    assert count == 3


@pytest.fixture
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackInfo]:
    """A stack of its own whose core.guard_write lets everything through."""
    stack = Stack(tmp_path_factory.mktemp("unguarded"))
    try:
        info = stack.up()
        with psycopg.connect(info.database_url, autocommit=True) as database:
            row = database.execute(
                "select pg_get_functiondef('core.guard_write'::regproc)"
            ).fetchone()
            assert row is not None
            head, _, _ = row[0].partition("AS $function$")
            database.execute(f"{head} AS $$ begin return 'anybody'; end; $$")
        with SharedState("operator", url=info.url, key=info.service_key) as operator:
            operator.init_workspace("default")
        yield info
    finally:
        stack.down()


def test_without_the_check_the_same_run_loses_updates(unguarded: StackInfo) -> None:
    with SharedState(
        "other", workspace="default", url=unguarded.url, key=unguarded.agent_key
    ) as other:
        answer, count = _run(unguarded, "default", other)
    assert answer["error"] is None
    assert count == 1  # of four updates that were answered with success, three are lost
