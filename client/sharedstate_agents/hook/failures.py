"""What hooks could not do: kept in a file until a later hook reaches the database, then logged."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from sharedstate_agents.hook.event import Event, Unusable
from sharedstate_agents.plain_rpc import CallFailed
from sharedstate_agents.project import FILE, ProjectError, main_worktree

PATH = os.path.join(".sharedstate", "hook-failures.jsonl")
ACTIVITY = "hook_failed"
AGENT = "sharedstate-hook"
MOST = 100
_MOST_LETTERS = 300


def file_of(root: str) -> str:
    """The file of a project: in its main worktree, so that all worktrees share it."""
    return os.path.join(main_worktree(root) or root, PATH)


def reason_of(problem: Exception) -> str:
    """What is told of a failure. Of an exception that is not ours no text: it may have a key."""
    if isinstance(problem, CallFailed | ProjectError | Unusable):
        return str(problem)
    step = problem.__traceback__
    while step and step.tb_next:
        step = step.tb_next
    place = f"{os.path.basename(step.tb_frame.f_code.co_filename)}:{step.tb_lineno}" if step else ""
    return f"{type(problem).__name__} in {place}"


def recorded(root: str) -> list[dict[str, Any]]:
    """The failures of a project that are not logged yet, the last one last."""
    try:
        return list(_parsed(_lines(file_of(root))))
    except OSError:
        return []


def record(root: str, event: str, reason: str) -> None:
    """Add a line to the project's file, and keep the last 100. Never fails itself.

    A project without a sharedstate.toml has asked for nothing, so nothing is written there.
    """
    if not os.path.exists(os.path.join(root, FILE)):
        return
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = json.dumps({"at": at, "event": event, "reason": reason[:_MOST_LETTERS]})
    _add(file_of(root), [line])


def report(root: str, event: Event) -> None:
    """Log what failed before, and empty the file. What cannot be logged stays there."""
    path = file_of(root)
    taken = f"{path}.{os.getpid()}"
    try:
        os.rename(path, taken)  # only one of several hooks succeeds
        lines = _lines(taken)
        os.unlink(taken)
    except OSError:
        return
    try:
        entries = _entries(lines, event.settings.agent or AGENT)
        if entries:
            event.call("log_agent_activities", entries=entries)
    except CallFailed:
        _add(path, lines)


def _entries(lines: list[str], agent: str) -> list[dict[str, object]]:
    counts = Counter((str(f.get("event")), str(f.get("reason"))) for f in _parsed(lines))
    return [
        {
            "agent_name": agent,
            "activity": ACTIVITY,
            "details": {"event": event, "reason": reason, "count": count},
        }
        for (event, reason), count in counts.items()
    ]


def _parsed(lines: list[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        with contextlib.suppress(ValueError):  # half a line, of a process that was killed
            value = json.loads(line)
            if isinstance(value, dict):
                yield value


def _add(path: str, lines: list[str]) -> None:
    try:
        _make_folder(os.path.dirname(path))
        with open(path, "a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
        kept = _lines(path)
        if len(kept) > MOST:
            fresh = f"{path}.{os.getpid()}"
            with open(fresh, "w", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in kept[-MOST:]))
            os.replace(fresh, path)
    except OSError:  # a full disk, a folder of somebody else: then nobody is told
        return


def _make_folder(folder: str) -> None:
    if os.path.exists(folder):
        return
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, ".gitignore"), "w", encoding="utf-8") as file:
        file.write("*\n")


def _lines(path: str) -> list[str]:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()
