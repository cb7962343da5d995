"""What the commands on one design share: their options, and an operator in its workspace."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from dotenv import dotenv_values

from sharedstate.config import DEFAULT_WORKSPACE, WORKSPACE, checked_name
from sharedstate_ops.cli.output import duration, home_of
from sharedstate_ops.cli.target import Target, find_target
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack.errors import StackError

# As for agents: else a transaction that somebody left open in psql would hold us up for ever.
LOCK_TIMEOUT = "8s"
# For an answer, where a command reads again and again. Without it one would wait for a host that
# has vanished until TCP gives up, a quarter of an hour.
PATIENCE_S = 15.0
MOST = 1000  # of each list of a board

WorkspaceOption = Annotated[
    str | None,
    typer.Option(
        "--workspace",
        "-w",
        envvar=WORKSPACE,
        help="The design; else that of .env, else default.",
    ),
]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # as in a container: a number without a name
        return "operator"


def ago(text: str) -> datetime:
    """The time that was so long ago: "2h" before now."""
    return datetime.now(UTC) - duration(text)


SinceOption = Annotated[
    datetime | None,
    typer.Option(parser=ago, metavar="AGE", help="Not older than this: 90s, 30m, 2h, 7d or 8w."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON, as docs/commands.md describes it.")
]
NameOption = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="NAME",
        default_factory=_user,
        show_default="your user name",
        help="Who does it, for the log.",
    ),
]


@contextmanager
def acting(workspace: str | None, home: Path | None) -> Iterator[Operator]:
    """An operator in a workspace that exists; StackError or UnknownWorkspace otherwise."""
    with acting_in(*chosen(workspace, home)) as operator:
        yield operator


@contextmanager
def acting_in(target: Target, name: str, *, patience_s: float | None = None) -> Iterator[Operator]:
    """The same in a database that is chosen already; no answer may take over `patience_s`."""
    # It is there or not: no command of every day waits for one to be started.
    with target.connect(timeout=0) as connection:
        connection.patience_s = patience_s
        operator = Operator(connection, name, lock_timeout=LOCK_TIMEOUT)
        operator.read("select core.current_workspace() as name")
        yield operator


def find_subsystem(rows: list[dict[str, Any]], name: str, workspace: str) -> dict[str, Any]:
    """The row of a subsystem; StackError, with names that were perhaps meant, if there is none."""
    by_name = {row["name"]: row for row in rows}
    if name not in by_name:
        from difflib import get_close_matches

        near = get_close_matches(name, by_name)
        first = ", ".join(sorted(by_name)[:20])
        all_of_them = f"There are: {first}" if first else "There is none yet."
        raise StackError(
            f"there is no subsystem {name} in workspace {workspace}.",
            hint=f"Did you mean {' or '.join(near)}?" if near else all_of_them,
        )
    return by_name[name]


def chosen(workspace: str | None, home: Path | None) -> tuple[Target, str]:
    """The database and the workspace that the options mean."""
    place = home_of(home)
    if workspace is None:
        workspace = dotenv_values(place.env_file).get(WORKSPACE) or DEFAULT_WORKSPACE
    return find_target(place), checked_name(workspace, "workspace")
