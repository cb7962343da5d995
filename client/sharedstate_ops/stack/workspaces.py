"""Making and listing workspaces, straight in the database."""

from __future__ import annotations

from typing import NamedTuple, cast

import psycopg

from sharedstate_ops.stack.errors import StackError


class WorkspaceSummary(NamedTuple):
    """One design and how far it is."""

    name: str
    subsystems: int
    complete: int
    open_conflicts: int


def init_workspace(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """Make a workspace with the default configuration; one that exists keeps what it has."""
    try:
        with connection.transaction():
            connection.execute("set local role service_role")
            connection.execute("select public.init_workspace(workspace_name => %s)", [name])
    except psycopg.Error as error:
        raise StackError(
            f"workspace {name!r} could not be made: {error.diag.message_primary or error}",
            hint=error.diag.message_detail or error.diag.message_hint or "",
        ) from error


def list_workspaces(connection: psycopg.Connection[tuple[object, ...]]) -> list[WorkspaceSummary]:
    """All workspaces, oldest first; none where the migrations have not been applied."""
    try:
        with connection.transaction():
            connection.execute("set local role service_role")
            rows = connection.execute(
                """select name, subsystems, complete, open_conflicts
                   from public.list_workspaces() order by created_at, name"""
            ).fetchall()
    except psycopg.errors.UndefinedFunction:
        return []
    return [WorkspaceSummary(*cast("tuple[str, int, int, int]", row)) for row in rows]
