"""`sharedstate psql`: a shell on the database, with the psql that comes with Postgres."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from sharedstate_ops.cli.output import HOME_VARIABLE, home_of
from sharedstate_ops.cli.target import find_target
from sharedstate_ops.stack.binaries import postgres_program


def psql(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Open psql on the database; arguments are passed on: sharedstate psql -c 'select 1'."""
    program = str(postgres_program("psql"))
    # No option --home: every option is psql's own.
    given = os.environ.get(HOME_VARIABLE)
    home = home_of(Path(given) if given else None)
    # The address with its password goes through the environment: others see command lines.
    environment = find_target(home).environment()
    os.execve(program, [program, *(arguments or [])], environment)
