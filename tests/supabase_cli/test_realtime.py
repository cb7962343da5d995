"""Our tables are in the publication of Realtime where there is one, under row level security.

Realtime itself is an image. Here its question whether a subscriber may see a row is asked as its
function realtime.apply_rls asks it: with the subscriber's role and claims, and without headers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from tests.tools import ROOT

from sharedstate_ops.stack import migrations
from sharedstate_ops.stack.connections import Connection, connect

STRANGERS = """
  create table public.strangers (id integer primary key);
  alter table public.strangers enable row level security;
  create function public.is_friend() returns boolean language sql stable set search_path = ''
    as 'select true';
  create policy strangers_of_friends on public.strangers using (public.is_friend());
"""
OURS = """
  select relname from pg_class
  where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'strangers'
  order by 1"""
# Their rows are deleted in normal work, and row level security does not reach deletes.
NOT_PUBLISHED = {"agent_locks", "budget_reservations", "document_dependencies"}
PUBLISHED = """
  select tablename from pg_publication_tables where pubname = 'supabase_realtime' order by 1"""


@contextmanager
def subscriber(connection: Connection, **claims: Any) -> Iterator[Connection]:
    """The connection as Realtime sets it up to ask for one subscriber."""
    with connection.transaction():
        connection.execute("select set_config('role', 'authenticated', true)")
        connection.execute(
            "select set_config('request.jwt.claims', %s, true)",
            [json.dumps({"role": "authenticated", **claims})],
        )
        yield connection


def names(connection: Connection, query: str) -> set[object]:
    return {name for (name,) in connection.execute(query.encode())}


def test_our_tables_are_published_and_none_of_anybody_else(database: str) -> None:
    with connect(database) as connection:
        connection.execute("create publication supabase_realtime")
        connection.execute(STRANGERS)
        migrations.apply_pending(connection)
        ours = names(connection, OURS)
        assert names(connection, PUBLISHED) == ours - NOT_PUBLISHED
        assert len(ours - NOT_PUBLISHED) >= 7


def test_no_agent_can_delete_a_row_of_a_published_table_by_a_function(database: str) -> None:
    """A deleted row's key goes to every subscriber: workspace, subsystem, resource."""
    deleting: dict[str, set[str]] = {}
    for path in sorted((ROOT / "sql").rglob("*.sql")):
        for table in re.findall(r"delete from public\.(\w+)", path.read_text()):
            deleting.setdefault(table, set()).add(path.stem)
    operators = {"prune_activity", "import_design"}
    assert {table for table, by in deleting.items() if by - operators} == NOT_PUBLISHED
    # What operators delete of the log has a key that says nothing.
    with connect(database) as connection:
        migrations.apply_pending(connection)
        key = connection.execute(
            """select array_agg(a.attname::text) from pg_index as i
               join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
               where i.indrelid = 'public.agent_activity_logs'::regclass and i.indisprimary"""
        ).fetchone()
    assert key == (["id"],)


def test_without_the_publication_the_migration_makes_none(database: str) -> None:
    with connect(database) as connection:
        migrations.apply_pending(connection)
        assert connection.execute("select * from pg_publication").fetchall() == []


def test_published_tables_can_be_written_and_are_read_through_row_security(database: str) -> None:
    with connect(database) as connection:
        connection.execute("create publication supabase_realtime")
        migrations.apply_pending(connection)
        # An update or delete of a published table fails when it has no primary key.
        assert (
            connection.execute(
                """select relname from pg_class as c
               where c.oid in (select prrelid from pg_publication_rel)
                 and (not relrowsecurity or relreplident <> 'd' or not exists (
                   select from pg_index as i where i.indrelid = c.oid and i.indisprimary))"""
            ).fetchall()
            == []
        )
        with connection.transaction():
            connection.execute("set local role service_role")
            for name in ("default", "other"):
                connection.execute("select public.init_workspace(%s)", [name])
                connection.execute(
                    "select set_config('request.headers', %s, true)",
                    [json.dumps({"x-workspace": name})],
                )
                for state in ("designing", "complete"):
                    connection.execute(
                        "select public.update_subsystem_status(%s, %s, 'e1')",
                        [f"part-of-{name}", json.dumps({"state": state})],
                    )
        with subscriber(connection, workspace="other"):
            seen = connection.execute("select name, state from public.subsystems").fetchall()
    assert ("part-of-other", "complete") in seen
    assert "part-of-default" not in {name for name, _ in seen}


@pytest.mark.parametrize("claim", ["typo", "", None, 5, ["default"]], ids=str)
def test_a_subscriber_of_an_unknown_workspace_sees_nothing_and_spoils_nothing(
    database: str, claim: Any
) -> None:
    """An error would end the question for all other subscribers of the table as well."""
    with connect(database) as connection:
        migrations.apply_pending(connection)
        tables = names(connection, OURS)
        connection.execute("set role service_role")
        connection.execute("select public.init_workspace('default')")
        connection.execute("reset role")
        with subscriber(connection, workspace=claim):
            for table in tables:
                assert names(connection, f"select workspace from public.{table}") == set(), table
            # As a pooled connection has it after a request.
            connection.execute("select set_config('request.headers', '', true)")
            assert names(connection, "select name from public.subsystems") == set()
        with subscriber(connection):
            assert len(names(connection, "select name from public.subsystems")) == 7


def test_a_function_refuses_an_unknown_workspace_also_without_headers(database: str) -> None:
    with connect(database) as connection:
        migrations.apply_pending(connection)
        with (
            pytest.raises(psycopg2.Error) as caught,
            subscriber(connection, workspace="typo"),
        ):
            connection.execute("select public.log_agent_activity('a', 'b')")
        assert caught.value.diag.message_primary == "unknown_workspace"
