"""Old designs to read, the command line on the test's stack, and what is then in the tables."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.command_line import Command, command_in

from sharedstate_ops.importing.export_file import FORMAT, SECTIONS
from sharedstate_ops.importing.reading import Reading
from sharedstate_ops.stack import StackInfo

REFERENCE = Path(__file__).resolve().parents[1] / "fixtures" / "legacy"

# Relative path -> text, bytes, or something to be written as JSON.
Tree = dict[str, Any]
WriteTree = Callable[[Tree], Path]


@pytest.fixture
def reference() -> Path:
    """The reference design, as it is in the repository: read it, never write to it."""
    return REFERENCE


@pytest.fixture
def reference_copy(tmp_path: Path) -> Path:
    """A copy of the reference design to break."""
    return Path(shutil.copytree(REFERENCE, tmp_path / "design"))


@pytest.fixture
def write_tree(tmp_path: Path) -> WriteTree:
    """Writes files below a new folder and returns the folder."""

    def write(tree: Tree) -> Path:
        root = tmp_path / "source"
        for name, content in tree.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif isinstance(content, str):
                path.write_text(content, encoding="utf-8")
            else:
                path.write_text(json.dumps(content), encoding="utf-8")
        return root

    return write


Rows = list[dict[str, Any]]
TABLES = (
    "global_constraints",
    "subsystems",
    "subsystem_requirements",
    "subsystem_interfaces",
    "subsystem_designs",
    "conflicts",
    "agent_activity_logs",
)


def document_of(reading: Reading) -> dict[str, Any]:
    """The exchange document that holds what was read."""
    found = {name: [entry.value for entry in reading.section(name)] for name in SECTIONS}
    return {"format": FORMAT, **found, "counters": reading.counters}


@pytest.fixture
def sharedstate(stack: StackInfo, tmp_path: Path) -> Command:
    """Run a command on the test's stack."""
    return command_in({"DATABASE_URL": stack.database_url, "SHAREDSTATE_HOME": str(tmp_path)})


@pytest.fixture
def fresh() -> str:
    """A workspace name that nobody has used."""
    return f"import-{uuid.uuid4().hex[:12]}"


class Database:
    """What is in the tables of one workspace."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self.connection = connection

    def rows(self, table: str, workspace: str) -> Rows:
        found = self.connection.execute(
            f"select to_jsonb(t) - 'workspace' as row from public.{table} as t"
            " where workspace = %s order by 1",
            [workspace],
        )
        return [row["row"] for row in found]

    def snapshot(self, workspace: str) -> dict[str, Rows]:
        return {table: self.rows(table, workspace) for table in TABLES}

    def one(self, table: str, workspace: str, **key: Any) -> dict[str, Any]:
        rows = self.rows(table, workspace)
        (row,) = (row for row in rows if all(row[k] == v for k, v in key.items()))
        return row


@pytest.fixture
def database(stack: StackInfo) -> Iterator[Database]:
    with psycopg.connect(stack.database_url, autocommit=True, row_factory=dict_row) as connection:
        yield Database(connection)
