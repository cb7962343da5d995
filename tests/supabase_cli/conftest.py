"""The real Supabase CLI, on databases of its own in the session's server."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.tools import ROOT, supabase_cli

from sharedstate_ops.stack import StackInfo

SECONDS = 120


@dataclass(frozen=True)
class Project:
    """A copy of `supabase/` that the CLI works in, as somebody who has cloned the repository."""

    folder: Path

    @property
    def migrations(self) -> Path:
        return self.folder / "supabase" / "migrations"

    def run(self, *arguments: str, database: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the CLI against a database."""
        parts = conninfo_to_dict(database)
        address = (
            f"postgresql://{parts['user']}:{parts['password']}@{parts['host']}:{parts['port']}"
            f"/{parts['dbname']}"
        )
        return subprocess.run(
            [str(supabase_cli()), *arguments, f"--remote={address}"],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "DO_NOT_TRACK": "1",
                "SUPABASE_TELEMETRY_DISABLED": "1",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def succeed(self, *arguments: str, database: str) -> str:
        """The output of a command that has to end well."""
        done = self.run(*arguments, database=database)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh copy."""
    shutil.copytree(ROOT / "supabase", tmp_path / "supabase")
    return Project(tmp_path)


@pytest.fixture
def make_database(stack: StackInfo) -> Iterator[Callable[[], str]]:
    """Makes empty databases with what the platform grants by default; dropped afterwards."""
    made: list[sql.Identifier] = []
    with psycopg.connect(stack.database_url, autocommit=True) as connection:

        def make() -> str:
            name = f"cli_{uuid.uuid4().hex[:12]}"
            made.append(sql.Identifier(name))
            connection.execute(sql.SQL("create database {}").format(made[-1]))
            address = make_conninfo("", **{**conninfo_to_dict(stack.database_url), "dbname": name})
            with psycopg.connect(address, autocommit=True) as fresh:
                for kind in ("tables", "functions", "sequences"):
                    fresh.execute(
                        f"alter default privileges in schema public grant all on {kind} "
                        "to anon, authenticated, service_role".encode()
                    )
            return address

        yield make
        for identifier in made:
            connection.execute(sql.SQL("drop database {} with (force)").format(identifier))


@pytest.fixture
def database(make_database: Callable[[], str]) -> str:
    """The address of an empty database."""
    return make_database()
