"""Our tables are in the publication of Realtime where there is one, under row level security."""

from __future__ import annotations

import json

import psycopg

from sharedstate.stack import migrations

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
PUBLISHED = """
  select tablename from pg_publication_tables where pubname = 'supabase_realtime' order by 1"""


def connect(address: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(address, autocommit=True)


def test_every_table_of_ours_is_published_and_none_of_anybody_else(database: str) -> None:
    with connect(database) as connection:
        connection.execute("create publication supabase_realtime")
        connection.execute(STRANGERS)
        migrations.apply_pending(connection)
        ours = connection.execute(OURS).fetchall()
        assert connection.execute(PUBLISHED).fetchall() == ours
        assert len(ours) >= 8


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
        # As Realtime looks whether a subscriber may see a row: by role and claims, no headers.
        with connection.transaction():
            connection.execute("set local role authenticated")
            connection.execute(
                "select set_config('request.jwt.claims', %s, true)",
                [json.dumps({"role": "authenticated", "workspace": "other"})],
            )
            seen = connection.execute("select name, state from public.subsystems").fetchall()
    assert ("part-of-other", "complete") in seen
    assert "part-of-default" not in {name for name, _ in seen}
