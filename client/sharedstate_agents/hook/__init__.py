"""`sharedstate-hook EVENT`: what a coding harness runs at each event of a session.

    sharedstate-hook PreToolUse < event.json
    sharedstate-hook pre-commit

A hook that cannot do its work lets the harness go on (exit status 0, no answer), and leaves a line
in `.sharedstate/hook-failures.jsonl`. Standard library only: see docs/hooks.md.
"""

from __future__ import annotations

import _thread
import json
import os
import sys
import time
from typing import Any

from sharedstate_agents.hook import events, failures
from sharedstate_agents.hook.event import Answer, Event, Unusable
from sharedstate_agents.project import Project, project_folder

# Claude Code waits 1.5 s for all hooks of SessionEnd together, and a Python has to start first.
LIMIT_SECONDS = {"SessionEnd": 1.1}
OTHER_LIMIT_SECONDS = 1.7
# What a call has less than the hook, so that a slow database is reported as one.
_RESERVE_SECONDS = 0.1

USAGE = f"usage: sharedstate-hook {{{'|'.join(events.HANDLERS)}|pre-commit}} < event.json"


def main() -> None:
    """The console script."""
    arguments = sys.argv[1:]
    if arguments == ["pre-commit"]:
        from sharedstate_agents.hook.git_guard import pre_commit

        sys.exit(pre_commit(os.environ))
    # Cursor's names of the same events begin in lower case, and its answers have another shape.
    name = arguments[0][:1].upper() + arguments[0][1:] if len(arguments) == 1 else ""
    if name not in events.HANDLERS:
        print(USAGE, file=sys.stderr)  # noqa: T201
        sys.exit(1)
    sys.exit(run(name, for_cursor=arguments[0] != name))


def run(name: str, *, for_cursor: bool) -> int:
    """Answer one event: JSON on stdout, a refusal in words on stderr; the exit status.

    When time is up, the process ends, wherever it is.
    """
    limit = LIMIT_SECONDS.get(name, OTHER_LIMIT_SECONDS)
    deadline = time.monotonic() + limit
    root = ""
    try:
        root = project_folder(os.environ, os.getcwd())
        _thread.start_new_thread(_end_in_time, (root, name, limit))
        event = Event(
            name,
            for_cursor=for_cursor,
            values=_read(sys.stdin.buffer.read()),
            project=Project.of(root),
            deadline=deadline - _RESERVE_SECONDS,
        )
        answer = events.HANDLERS[name](event)
        _say(answer)
        if event.reached:
            failures.report(root, event)
        return answer.status
    except Exception as problem:  # noqa: BLE001  whatever it is, no session may stop because of us
        failures.record(root, name, failures.reason_of(problem))
        return 0


def _read(text: bytes) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise Unusable("The input is no JSON object.")
    return values


def _say(answer: Answer) -> None:
    if answer.output is not None:
        sys.stdout.write(json.dumps(answer.output) + "\n")
        sys.stdout.flush()
    if answer.refusal:
        sys.stderr.write(answer.refusal + "\n")


def _end_in_time(root: str, name: str, limit: float) -> None:
    """End the process by a thread: looking up the name of a host has no timeout of its own."""
    time.sleep(limit)
    failures.record(root, name, f"timeout: not done after {limit:g} s.")
    os._exit(0)
