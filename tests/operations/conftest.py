"""Databases for the tests of operations: empty, new, or used."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from tests.operations.databases import Database, MakeDatabase

from sharedstate_ops.stack import StackInfo


@pytest.fixture
def database(stack: StackInfo) -> Iterator[MakeDatabase]:
    """Makes databases; with the schema and a workspace unless `empty`."""
    made: list[str] = []

    def make(*, empty: bool = False) -> Database:
        name = f"operations_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(stack.database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        made.append(name)
        database = Database(stack.database_url.rsplit("/", 1)[0] + f"/{name}")
        if not empty:
            database.migrate()
            database.make_workspace()
        return database

    yield make
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        for name in made:
            connection.execute(
                sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
            )


def _use(database: Database) -> None:
    """Some of everything."""
    database.make_workspace("arm")
    assert database.token("power") == 1
    assert database.token("power") == 2
    assert database.write_status("power", "designing") == 2
    assert (database.design("power"), database.design("power")) == (1, 2)
    assert database.conflict() == 1


@pytest.fixture
def used(database: MakeDatabase) -> Database:
    """One in which agents have worked."""
    made = database()
    _use(made)
    return made
