"""`sharedstate up` and `sharedstate down`: the embedded stack, made ready to use, and stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from sharedstate_ops.cli.output import HomeOption, home_of, out, program, say_warning, steps
from sharedstate_ops.env_file import bring_up_to_date, environment
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack import Stack, StackError, StackInfo, migrations
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.ports import DEFAULT_API_PORT, DEFAULT_DB_PORT

if TYPE_CHECKING:
    from sharedstate.types import WorkspaceSummary


def _port(what: str, default: int) -> typer.models.OptionInfo:
    shown = f"Port of {what}.  [default: the last one, or {default}]"
    option: typer.models.OptionInfo = typer.Option(min=1, max=65535, help=shown)
    return option


def up(
    home: HomeOption = None,
    db_port: Annotated[int | None, _port("Postgres", DEFAULT_DB_PORT)] = None,
    api_port: Annotated[int | None, _port("the API", DEFAULT_API_PORT)] = None,
) -> None:
    """Start Postgres, PostgREST and nginx, apply the migrations, and write .env if there is none.

    The parts keep running until `sharedstate down`; the data is kept in .sharedstate/. Ports that
    were chosen once are chosen again.
    """
    place = home_of(home)
    stack = Stack(place.root, db_port=db_port, api_port=api_port, usual_ports=True)
    with steps() as progress:
        info = stack.up(progress)
        with stack.database() as connection:
            operator = Operator(connection)
            operator.init_workspace()
            workspaces = operator.list_workspaces()
            changed = migrations.changed(connection)
    has_env = update_env(place, environment(info))
    _say_how(stack, info, place, has_env=has_env)
    say_changed(changed)
    say_workspaces(workspaces)


def down(home: HomeOption = None) -> None:
    """Stop nginx, PostgREST and Postgres. The data stays for the next `sharedstate up`."""
    with steps() as progress:
        stopped = Stack(home_of(home).root).down(progress)
    out.print("sharedstate is stopped; the data stays." if stopped else "nothing was running.")


def update_env(place: Home, values: dict[str, str], *, extend: bool = True) -> bool:
    """Whether `.env` has these values of the stack now; else a warning says why not."""
    try:
        done = bring_up_to_date(place.env_file, values, extend=extend)
    except StackError as error:
        say_warning(str(error))
        return False
    if done:
        out.print(f"{done}: {escape(str(place.env_file))}")
    return True


def _say_how(stack: Stack, info: StackInfo, place: Home, *, has_env: bool) -> None:
    if stack.report.recovered:
        out.print(f"recovered: {', '.join(sorted(stack.report.recovered))}; no data was lost")
    out.print(
        "sharedstate was already running."
        if stack.report.already_running
        else "[green]sharedstate is running.[/green]"
    )
    out.print(f"  API       {info.url}/rest/v1/")
    # Commands follow a .env of others, if its database answers.
    shell = f", shell: {program()} psql" if has_env else ""
    out.print(f"  database  port {info.db_port}{shell}")
    if has_env:
        out.print(f"  keys      {escape(str(place.env_file))}")
    out.print(f"  stop      {program()} down (the data stays)")


def say_changed(changed: list[migrations.Migration]) -> None:
    """Migration files were edited after they had been applied here, as happens before 1.0."""
    for each in changed:
        say_warning(
            f"{each.path.name} was changed after it was applied to this database, which has the "
            "older text: functions may be missing, or behave as before. It is not brought up to "
            "date in place. Export each workspace, reset the database, and import them: see "
            "docs/backup.md, Upgrades."
        )


def say_workspaces(workspaces: list[WorkspaceSummary]) -> None:
    """One line for each design in the database."""
    width = max((len(row["name"]) for row in workspaces), default=0)
    out.print("workspaces")
    for row in workspaces:
        out.print(
            f"  {escape(row['name'].ljust(width))}  {row['complete']} of {row['subsystems']} "
            f"subsystems complete, {row['open_conflicts']} open conflicts"
        )
