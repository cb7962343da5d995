"""`sharedstate setup` and `sharedstate prime`."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from sharedstate_agents.hook.event import NO_NAME
from sharedstate_agents.identity import execution_of
from sharedstate_agents.plain_rpc import CallFailed, call, load
from sharedstate_agents.project import Project, ProjectError, project_folder
from sharedstate_agents.setup.changes import Change, write
from sharedstate_agents.setup.errors import SetupError
from sharedstate_agents.setup.harnesses import Setup
from sharedstate_agents.situation import facts

PRIME_DEADLINE_S = 10.0

Harness = Literal["claude", "codex", "cursor", "gemini"]
ProjectOption = Annotated[
    Path | None,
    typer.Option("--project", metavar="DIR", help="The project; else the nearest one upwards."),
]


def setup(
    harness: Annotated[Harness, typer.Argument(help="What runs your agents.")],
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is missing or differs: exit code 1.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take our entries out again, and nothing else.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
    git_hook: Annotated[
        bool, typer.Option("--git-hook", help="Guard commits too, in git's pre-commit hook.")
    ] = False,
    project: ProjectOption = None,
) -> None:
    """Put our server, hooks and roles into the configuration of a coding harness.

    Entries of others stay as they are, and no key is written. It shows what changes, and asks.
    """
    if check and remove:
        raise typer.BadParameter("--check and --remove do not go together")
    try:
        chosen = Setup.of(root_of(project), harness, guard=git_hook)
        if check:
            _check(chosen)
        else:
            _apply(chosen, chosen.removals() if remove else chosen.additions(), ask=not yes)
            if remove:
                _say_left(chosen.left(removing=True))
            else:
                _remark(chosen)
    except SetupError as problem:
        _fail(f"{str(problem).rstrip('.')}.{'' if check else ' Nothing was changed.'}")


def prime(
    agent: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who you are; else SHAREDSTATE_AGENT.")
    ] = None,
    execution: Annotated[
        str | None, typer.Option(metavar="ID", help="Your run, for what it holds; else a new one.")
    ] = None,
    project: ProjectOption = None,
) -> None:
    """Print what the hooks tell an agent at its start, for a harness without hooks."""
    try:
        found = Project.of(str(root_of(project)))
        settings = load(os.environ, found.root, found.workspace)
        name = agent or settings.agent or os.environ.get("SHAREDSTATE_AGENT")
        session = os.environ.get("CLAUDE_CODE_SESSION_ID")
        run = execution_of(session) if session else f"run-{secrets.token_hex(4)}"
        deadline = time.monotonic() + PRIME_DEADLINE_S
        identity = {"agent_name": name or NO_NAME, "execution_id": execution or run}
        situation = call(settings, "get_situation", identity, deadline=deadline)
        board = call(settings, "get_board", {"limit_count": 50}, deadline=deadline)
    except (CallFailed, ProjectError) as problem:
        _fail(str(problem))
    else:
        typer.echo(facts(situation, board, name_is_known=bool(name)))


def root_of(project: Path | None) -> Path:
    """The folder that a command works on."""
    if project is not None and not project.is_dir():
        raise typer.BadParameter(f"{project} is not a folder")
    return project or Path(project_folder(os.environ, str(Path.cwd())))


def _check(chosen: Setup) -> None:
    faults = chosen.faults()
    for fault in faults:
        typer.echo(fault)
    _remark(chosen)
    if faults:
        _fail(f"not set up as this version does it. Do it: sharedstate setup {chosen.harness}")
    typer.echo(f"{chosen.harness} is set up.")


def _apply(chosen: Setup, changes: Sequence[Change], *, ask: bool) -> None:
    if not changes:
        typer.echo(f"nothing to change for {chosen.harness} in {chosen.root}")
        return
    if ask:
        if not sys.stdin.isatty():
            raise SetupError("there is no terminal to ask on: add --yes")
        for change in changes:
            typer.echo(change.difference())
        if not typer.confirm("Change these files?"):
            raise SetupError("you said no")
    write(changes)
    for change in changes:
        done = "removed" if change.after is None else "written"
        typer.echo(f"{done}  {change.name}")


def _remark(chosen: Setup) -> None:
    _say_left(chosen.left())
    for warning in chosen.warnings():
        typer.echo(f"warning: {warning}", err=True)
    if chosen.harness == "codex":
        hint = "Codex runs hooks only after you trusted them: /hooks in codex."
        typer.echo(hint, err=True)


def _say_left(names: Sequence[str]) -> None:
    for name in names:
        typer.echo(f"left as it is: {name}. It is not ours, or was edited.", err=True)


def _fail(message: str) -> None:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(1)
