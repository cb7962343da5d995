"""A client that is killed right after it got a lock keeps it for ten seconds at most."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.locks.conftest import Make

from sharedstate_ops.stack import StackInfo

HOLDER = """
import os, signal, sys
from sharedstate import SharedState
url, key, workspace = sys.argv[1:]
state = SharedState("killed", workspace=workspace, url=url, key=key)
state.lock("door", "narrow", "killed", 3600).acquire()
print("got it", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_lock_of_a_client_that_was_killed_is_free_within_ten_seconds(
    stack: StackInfo, workspace: str, make: Make
) -> None:
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, stack.url, stack.agent_key, workspace],
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "got it\n"
        got = time.monotonic()
        with make("waiter").lock("door", "narrow", "waiter") as lock:
            assert lock.token == 2
            assert time.monotonic() - began > 8  # it was really held
            assert time.monotonic() - got < 14  # 10 s, and time for a busy machine
