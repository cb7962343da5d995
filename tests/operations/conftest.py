"""Databases for the tests of operations: empty, new, or used."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from tests.operations.databases import Database, MakeDatabase

from sharedstate_ops.stack import StackInfo

Make = Callable[[Database | None], Database]


@contextmanager
def making(stack: StackInfo) -> Iterator[Make]:
    """Makes databases, empty or as copies of another one; drops them at the end."""
    made: list[sql.Identifier] = []
    with psycopg.connect(stack.database_url, autocommit=True) as connection:

        def make(model: Database | None) -> Database:
            name = f"operations_{uuid.uuid4().hex[:8]}"
            template = "template1" if model is None else model.address.rsplit("/", 1)[1]
            made.append(sql.Identifier(name))
            command = sql.SQL("create database {} template {}")
            connection.execute(command.format(made[-1], sql.Identifier(template)))
            return Database(stack.database_url.rsplit("/", 1)[0] + f"/{name}")

        yield make
        for identifier in made:
            connection.execute(sql.SQL("drop database {} with (force)").format(identifier))


@pytest.fixture(scope="session")
def models(stack: StackInfo) -> Iterator[tuple[Database, Database]]:
    """What the tests copy: a new database, and one in which agents have worked."""
    with making(stack) as make:
        new = make(None)
        new.migrate()
        new.make_workspace()
        used = make(new)
        _use(used)
        yield new, used


@pytest.fixture
def database(stack: StackInfo, models: tuple[Database, Database]) -> Iterator[MakeDatabase]:
    """Makes databases; with the schema and a workspace unless `empty`."""
    with making(stack) as make:
        yield lambda *, empty=False: make(None if empty else models[0])


@pytest.fixture
def used(stack: StackInfo, models: tuple[Database, Database]) -> Iterator[Database]:
    """One in which agents have worked."""
    with making(stack) as make:
        yield make(models[1])


def _use(database: Database) -> None:
    """Some of everything."""
    database.make_workspace("arm")
    assert database.token("power") == 1
    assert database.token("power") == 2
    assert database.write_status("power", "designing") == 2
    assert (database.design("power"), database.design("power")) == (1, 2)
    assert database.conflict() == 1
