"""Databases of their own on the session's server, with what the tests ask of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from sharedstate.config import workspace_header
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack import migrations
from sharedstate_ops.stack.binaries import postgres_program
from sharedstate_ops.stack.connections import Connection, connect


@dataclass(frozen=True)
class Database:
    """One database, as its owner."""

    address: str

    def connect(self) -> Connection:
        return connect(self.address)

    @property
    def environment(self) -> dict[str, str]:
        """Its address as libpq's variables."""
        parts = conninfo_to_dict(self.address)
        names = {"PGDATABASE": "dbname"} | {
            f"PG{name.upper()}": name for name in ("host", "port", "user", "password")
        }
        return {variable: str(parts[name]) for variable, name in names.items()}

    def one(self, query: str, *values: object) -> Any:
        """The first column of the only row."""
        with self.connect() as connection:
            row = connection.execute(query.encode(), values).fetchone()
        return None if row is None else row[0]

    def migrate(self, folder: Path | None = None) -> list[str]:
        """Apply what is pending, as `sharedstate up` and `init` do; the versions."""
        with self.connect() as connection:
            return [item.version for item in migrations.apply_pending(connection, folder=folder)]

    def make_workspace(self, name: str = "default") -> None:
        with self.connect() as connection:
            Operator(connection, name).init_workspace()

    def token(self, resource: str) -> int:
        """Lock and release; the token."""
        token: int = self.one(
            """select fencing_token from public.acquire_lock(
                 'subsystem', %s, 'tester', 'execution-1', request_id => gen_random_uuid())""",
            resource,
        )
        self.one("select release_lock('subsystem', %s, 'execution-1', %s)", resource, token)
        return token

    def design(self, subsystem: str, workspace: str = "default") -> int:
        """Publish a design; its version."""
        version: int = self._one_in(
            workspace,
            """select version from public.update_subsystem_design(%s, '{"mass": 1}', 'tester')""",
            subsystem,
        )
        return version

    def write_status(self, subsystem: str, state: str) -> int:
        """Write a status; its version."""
        version: int = self.one(
            """select version from public.update_subsystem_status(
                 %s, jsonb_build_object('state', %s::text), 'execution-1')""",
            subsystem,
            state,
        )
        return version

    def conflict(self, workspace: str = "default") -> int:
        """Log a conflict; its number."""
        number: int = self._one_in(
            workspace,
            "select conflict_id from public.log_conflict('high', 'tester', 'other', 'too heavy')",
        )
        return number

    def constraints(self, workspace: str = "default") -> int:
        """Publish constraints; their version."""
        version: int = self._one_in(
            workspace,
            """select version from public.update_global_constraints(
                 '{"height_m": 1.8}', 'tester')""",
        )
        return version

    def _one_in(self, workspace: str, query: str, *values: object) -> Any:
        headers = json.dumps(workspace_header(workspace))
        with self.connect() as connection:
            connection.execute("select set_config('request.headers', %s, false)", [headers])
            row = connection.execute(query.encode(), values).fetchone()
        return None if row is None else row[0]

    def schema(self) -> list[str]:
        """Everything that was created, with privileges and comments, as pg_dump writes it."""
        answer = subprocess.run(
            [
                postgres_program("pg_dump"),
                *("--schema-only", "--no-owner", "--schema=core", "--schema=public"),
            ],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return [line for line in answer.stdout.splitlines() if not line.startswith("\\")]


MakeDatabase = Callable[..., Database]
