"""`sharedstate-hook pre-commit`: a commit must not change what another agent holds.

It is for changes that went past the guard of edits: those by a shell, and those of people.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from sharedstate_agents import identity, plain_rpc
from sharedstate_agents.hook import edits, failures
from sharedstate_agents.project import Project, project_folder

LIMIT_SECONDS = 2


class Committer:
    """Who commits: the agents of a session, one agent by name, or the git user."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        session = environ.get("CLAUDE_CODE_SESSION_ID")
        self._prefix = identity.session_prefix(session) if session else None
        self._name = ""
        if session:
            self.text = f"the session {session} (CLAUDE_CODE_SESSION_ID)"
        elif agent := environ.get("SHAREDSTATE_AGENT"):
            self._name, self.text = agent, f"the agent {agent} (SHAREDSTATE_AGENT)"
        else:
            self._name = _git("config", "--default", "", "user.name").strip()
            self.text = f"the git user {self._name or 'without a name'}"

    def holds(self, lease: edits.Lease) -> bool:
        """Whether the lease is the committer's."""
        if self._prefix:
            return str(lease["execution_id"]).startswith(self._prefix)
        return str(lease["locked_by"]) == self._name


def pre_commit(environ: Mapping[str, str]) -> int:
    """Check what is staged; 1 when the commit is refused. What cannot be checked goes through."""
    root = ""
    try:
        root = project_folder({}, _git("rev-parse", "--show-toplevel").rstrip("\n"))
        committer = Committer(environ)
        refusals = list(_refusals(Project.of(root), committer, environ))
    except Exception as problem:  # noqa: BLE001  whatever it is, no commit may stop because of us
        reason = failures.reason_of(problem)
        failures.record(root, "pre-commit", reason)
        _say(f"the commit was not checked: {reason}")
        return 0
    if not refusals:
        return 0
    _say("the commit is refused.", *refusals)
    _say(
        f"you were taken for {committer.text}. Wait until it is free, or leave these files out "
        "(git restore --staged). `git commit --no-verify` goes past this check."
    )
    return 1


def _refusals(project: Project, committer: Committer, environ: Mapping[str, str]) -> Iterable[str]:
    # A rename as the two files that it changes.
    staged = _git("diff", "--cached", "--name-only", "--no-renames", "-z").split("\0")[:-1]
    found = edits.by_subsystem(project, staged, None)
    if not found:
        return
    settings = plain_rpc.load(environ, project.root, project.workspace)
    deadline = time.monotonic() + LIMIT_SECONDS

    def call(function: str, **arguments: Any) -> Any:
        return plain_rpc.call(settings, function, arguments, deadline=deadline)

    for subsystem, path in found.items():
        lease = edits.holder_of(call, subsystem)
        if lease and not committer.holds(lease):
            yield f"{path}: {edits.description(call, subsystem, lease)}"


def _git(*arguments: str) -> str:
    command = ["git", "-c", "core.quotePath=false", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, timeout=LIMIT_SECONDS)
    return done.stdout.decode(errors="surrogateescape")


def _say(*lines: str) -> None:
    sys.stderr.write("sharedstate: " + "\n  ".join(lines) + "\n")
