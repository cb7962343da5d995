"""The typer app: it loads the module of a command when that command is called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from sharedstate.errors import SharedStateError
from sharedstate_ops.cli import what_to_install
from sharedstate_ops.cli.commands import COMMANDS
from sharedstate_ops.cli.output import say_error
from sharedstate_ops.importing import SourceError
from sharedstate_ops.stack.errors import StackError


class _Commands(TyperGroup):
    """Lists commands by the table, and loads the one that is called.

    Errors of ours, of the system and the database become a message and an exit code: 2 when there
    is nothing to import where it should be, else 1.
    """

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {
            name: TyperCommand(name, help=command.help) for name, command in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and _load(command.name or ""), rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except StackError as error:
            say_error(error.message, error.hint)
        except (SharedStateError, SourceError) as error:
            say_error(str(error))
            sys.exit(2 if isinstance(error, SourceError) else 1)
        except _database_errors() as error:
            say_error(f"the database: {str(error).strip()}")
        except BrokenPipeError:
            raise  # whoever read our output has gone: no error
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            say_error(f"{where}{error.strerror or error}")
        except UnicodeError as error:
            say_error(f"a file is not UTF-8 text: {error}")
        sys.exit(1)


def _load(name: str) -> Any:
    """The whole command, with its arguments and options."""
    module, _, function = COMMANDS[name].function.partition(":")
    try:
        callback = getattr(import_module(module), function)
    except ModuleNotFoundError as error:
        sys.exit(what_to_install(error))
    settings: dict[str, Any] | None = None
    if name == "psql":  # every option is psql's own
        settings = {"ignore_unknown_options": True, "help_option_names": []}
    alone = typer.Typer(add_completion=False)
    alone.command(name, context_settings=settings)(callback)
    return typer.main.get_command(alone)


def _database_errors() -> tuple[type[Exception], ...]:
    """Those of psycopg2, if a command has loaded it: else none can have been raised."""
    psycopg2 = sys.modules.get("psycopg2")
    return (psycopg2.Error,) if psycopg2 else ()


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Shared state for agents that work on one design in parallel.",
)
# Without a callback typer has no group to make; ours has its commands from the table.
app.callback()(lambda: None)
