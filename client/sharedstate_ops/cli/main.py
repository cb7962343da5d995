"""The typer app: each command has a module of its own and is registered here."""

from __future__ import annotations

import sys
from typing import Any

import psycopg
import typer
from typer.core import TyperGroup

from sharedstate.errors import SharedStateError
from sharedstate_ops.cli.backup import backup, restore
from sharedstate_ops.cli.board import board
from sharedstate_ops.cli.demo import demo
from sharedstate_ops.cli.import_export import export, init
from sharedstate_ops.cli.keys import keys, token
from sharedstate_ops.cli.output import say_error
from sharedstate_ops.cli.prune import prune
from sharedstate_ops.cli.psql import psql
from sharedstate_ops.cli.status import status
from sharedstate_ops.cli.up import down, up
from sharedstate_ops.importing.reading import SourceError
from sharedstate_ops.stack.errors import StackError


class _Commands(TyperGroup):
    """Turns errors of ours, of the system and the database into a message and an exit code.

    2 when there is nothing to import where it should be, else 1.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except StackError as error:
            say_error(error.message, error.hint)
        except (SharedStateError, SourceError) as error:
            say_error(str(error))
            sys.exit(2 if isinstance(error, SourceError) else 1)
        except psycopg.Error as error:
            say_error(f"the database: {str(error).strip()}")
        except BrokenPipeError:
            raise  # whoever read our output has gone: no error
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            say_error(f"{where}{error.strerror or error}")
        except UnicodeError as error:
            say_error(f"a file is not UTF-8 text: {error}")
        sys.exit(1)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Shared state for agents that work on one design in parallel.",
)
for command in (up, down, init, export, prune, backup, restore, status, demo, keys, token, board):
    app.command()(command)
# Everything after `psql` belongs to psql, its options included.
app.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})(psql)
