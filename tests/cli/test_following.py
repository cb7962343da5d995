"""`sharedstate log -f` as a process: what comes is printed once, and Ctrl-C ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

from tests.stack.installation import PROGRAM

from sharedstate import SharedState

INTERRUPTED = 130


def test_it_goes_on_with_what_comes_none_missed_and_none_twice(
    environment: dict[str, str], state: SharedState
) -> None:
    state.log_agent_activity("a", "before")
    state.log_agent_activity("b", "of another")
    command = [sys.executable, "-c", PROGRAM, "log", "-f", "--json", "--agent", "a"]
    variables = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["activity"] == "before"
            for number in range(20):
                state.log_agent_activity("a", "during", {"n": number})
            said = [json.loads(process.stdout.readline()) for _ in range(20)]
            assert [entry["details"]["n"] for entry in said] == list(range(20))
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (rest, errors) == ("", "")
    assert process.returncode == INTERRUPTED
