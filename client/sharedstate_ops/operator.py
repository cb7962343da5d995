"""The calls of an operator, straight in the database.

Not through the gateway: `init` runs where PostgREST may not have seen the migrations yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg2
from psycopg2 import errors as postgres
from psycopg2 import sql

from sharedstate import errors
from sharedstate.config import workspace_header
from sharedstate_ops.importing.exact_json import encode, parse
from sharedstate_ops.stack.connections import Connection, reason_of

if TYPE_CHECKING:
    from sharedstate.types import WorkspaceSummary


class Operator:
    """Acts in one workspace on an open connection of the database's owner.

    A statement waits for as long as `lock_timeout` for a lock of Postgres; "0" is for ever.
    """

    def __init__(
        self, connection: Connection, workspace: str = "default", *, lock_timeout: str = "0"
    ) -> None:
        self.workspace = workspace
        self._connection = connection
        self._lock_timeout = lock_timeout

    def call(self, function: str, **parameters: object) -> list[Any]:
        """What a public function answers: each of its rows, or its one value, as parsed JSON.

        Every digit of a number is kept.
        """
        arguments = sql.SQL(", ").join(
            sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name))
            for name in parameters
        )
        statement = sql.SQL("select to_json(answer)::text from public.{}({}) as answer")
        values = {
            name: encode(value) if isinstance(value, dict) else value
            for name, value in parameters.items()
        }
        return self._parsed(statement.format(sql.Identifier(function), arguments), values)

    def read(self, query: LiteralString, **values: object) -> list[Any]:
        """The rows of a query, as `call` gives them; %(workspace)s in it is ours."""
        statement = sql.SQL("select to_json(answer)::text from ({}) as answer")
        return self._parsed(
            statement.format(sql.SQL(query)), {**values, "workspace": self.workspace}
        )

    def init_workspace(self, *, with_defaults: bool = True) -> None:
        """Make the workspace if there is none; fill in the default configuration where none is."""
        self.call("init_workspace", workspace_name=self.workspace, with_defaults=with_defaults)

    def list_workspaces(self) -> list[WorkspaceSummary]:
        """All workspaces, oldest first; none where the migrations have not been applied."""
        try:
            return self.call("list_workspaces")
        except errors.SchemaMissing:
            return []

    def _parsed(self, statement: sql.Composed, values: dict[str, object]) -> list[Any]:
        with _our_errors(), self._connection.transaction():
            # As PostgREST does it: the functions read the workspace from the request's headers.
            headers = json.dumps(workspace_header(self.workspace))
            # And a statement whose client has gone, as by Ctrl-C, ends.
            self._connection.execute(
                """select set_config('role', 'service_role', true),
                     set_config('request.headers', %s, true),
                     set_config('lock_timeout', %s, true),
                     set_config('client_connection_check_interval', '1s', true)""",
                [headers, self._lock_timeout],
            )
            rows = self._connection.execute(statement, values).fetchall()
        return [parse(str(text).encode()) for (text,) in rows]


@contextmanager
def _our_errors() -> Iterator[None]:
    """Raises what the database refused as our exceptions, by the registry of slugs."""
    try:
        yield
    except psycopg2.Error as error:
        slug = error.diag.message_primary or reason_of(error)
        others = (ours for theirs, ours in _KINDS if isinstance(error, theirs))
        kind = errors.BY_SLUG.get(slug) or next(others, errors.UnexpectedError)
        detail = error.diag.message_detail or ""
        raise kind(
            slug,
            detail=json.loads(detail) if slug in errors.BY_SLUG and detail else {},
            raw=detail,
            hint=error.diag.message_hint or "",
            code=error.pgcode or "",
        ) from error


_KINDS: tuple[tuple[type[psycopg2.Error], type[errors.SharedStateError]], ...] = (
    (postgres.UndefinedFunction, errors.SchemaMissing),
    (postgres.QueryCanceled, errors.StatementTimeout),
    (postgres.LockNotAvailable, errors.StatementTimeout),
    (postgres.InsufficientPrivilege, errors.PermissionDenied),
    (psycopg2.DataError, errors.InvalidArgument),
    (psycopg2.IntegrityError, errors.InvalidArgument),
    (psycopg2.OperationalError, errors.ServiceUnavailable),
    (psycopg2.InterfaceError, errors.ServiceUnavailable),  # of a connection that is lost
)
