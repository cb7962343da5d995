"""What the commands share in talking to people: steps, errors, the option --home."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from sharedstate_ops.cli.commands import COMMANDS
from sharedstate_ops.printable import printable
from sharedstate_ops.stack.errors import Progress
from sharedstate_ops.stack.paths import Home, find_home

# soft_wrap: a path or an address that is copied must not contain line breaks. Into a file or a
# pipe tables are as wide as they need. No emoji: a subsystem may be named :car:.
out = Console(
    soft_wrap=True, highlight=False, emoji=False, width=None if sys.stdout.isatty() else 300
)
err = Console(soft_wrap=True, highlight=False, emoji=False, stderr=True)

HOME_VARIABLE = "SHAREDSTATE_HOME"
HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar=HOME_VARIABLE,
        help="Folder that holds .sharedstate/ and .env; else the nearest one upwards.",
    ),
]


def home_of(option: Path | None) -> Home:
    """The installation that a command works on."""
    return Home(option.resolve()) if option is not None else find_home()


@contextlib.contextmanager
def steps() -> Iterator[Progress]:
    """Show each step as a line; on a terminal the current one also spins."""
    if not err.is_terminal:
        yield lambda message: err.print(escape(message))
        return
    with err.status("") as spinner:

        def progress(message: str) -> None:
            err.print(f"[dim]{escape(message)}[/dim]")
            spinner.update(escape(message))

        yield progress


def program() -> str:
    """How this command is typed: after `make up` it is not on the PATH."""
    called = Path(sys.argv[0])
    on_path = shutil.which("sharedstate")
    if called.name != "sharedstate" or (on_path and Path(on_path).samefile(called)):
        return "sharedstate"
    relative = os.path.relpath(called)
    return str(called.resolve()) if relative.startswith("..") else shlex.quote(relative)


def typed(text: str) -> str:
    """The text with each `sharedstate COMMAND` as it is typed here; the stack knows no terminal."""
    names = "|".join(COMMANDS)
    return re.sub(rf"(?<![\w/.'-])sharedstate(?= (?:{names})\b)", lambda _: program(), text)


def say_error(message: str, hint: str = "") -> None:
    """An error and what to do about it, to standard error."""
    err.print(f"[bold red]error:[/bold red] {_harmless(message)}")
    if hint:
        err.print(_harmless(typed(hint)))


def _harmless(text: str) -> str:
    """Lines in which names of others are no markup and no commands for the terminal."""
    return escape("\n".join(map(printable, text.splitlines())))


def say_warning(message: str) -> None:
    """Something that went differently than one may think."""
    err.print(f"[yellow]warning:[/yellow] {escape(typed(message))}")


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


_LONGEST = timedelta(days=3653)


def duration(text: str) -> timedelta:
    """How long "30d" is; BadParameter when it says nothing, or more than ten years."""
    found = re.fullmatch(r"([0-9]{1,8})([smhdw])", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no time: say 90s, 30m, 8h, 7d or 8w")
    length = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if length > _LONGEST:
        raise typer.BadParameter(f"{text!r} is too long: {_LONGEST.days} days at most")
    return length
