"""read_activity: the order of transactions, up to the oldest that still runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from tests.sql.support import Api, Row

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def api(api: Api) -> Api:
    """A workspace whose log is empty."""
    api.sql("delete from agent_activity_logs where workspace = %s", api.workspace)
    return api


@contextmanager
def writing(api: Api, activity: str) -> Iterator[Connection]:
    """A transaction that has written an entry and is open."""
    with psycopg.connect(api.stack.database_url) as connection:
        write(connection, api, activity)
        yield connection


def write(connection: Connection, api: Api, activity: str) -> None:
    connection.execute(
        "select core.write_activity(%s, 'writer', %s, '{}', null)", [api.workspace, activity]
    )


def names(page: Row) -> list[str]:
    return [row["activity"] for row in page["entries"]]


def note(api: Api, activity: str, agent_name: str = "writer") -> Row:
    row: Row = api.do("log_agent_activity", agent_name=agent_name, activity=activity)
    return row


def settled(api: Api, cursor: str, count: int, **filters: Any) -> Row:
    """A page of so many entries. Any transaction of the server delays them, also another test's."""
    for _ in range(2000):
        page: Row = api.do("read_activity", cursor=cursor, **filters)
        if len(page["entries"]) >= count:
            return page
        api.sql("select pg_sleep(0.005)")
    raise AssertionError(f"no {count} entries behind {cursor}")


def test_a_follower_begins_at_the_end_or_with_the_first_entry(api: Api) -> None:
    assert api.do("read_activity") == {
        "entries": [],
        "cursor": "0/0",
        "more": False,
        "retry_ms": 2000,
    }
    first = note(api, "first")
    page = settled(api, "0/0", 1)
    assert page["entries"] == [first]
    assert page["cursor"] == f"{first['transaction_id']}/{first['id']}"
    again = api.do("read_activity")
    assert (again["entries"], again["cursor"], again["more"]) == ([], page["cursor"], False)
    assert api.do("read_activity", cursor=page["cursor"])["entries"] == []


@pytest.mark.parametrize(("quiet_s", "retry_ms"), [(5, 500), (3600, 2000)])
def test_the_longer_nothing_was_written_the_later_a_follower_asks_again(
    api: Api, quiet_s: int, retry_ms: int
) -> None:
    note(api, "first")
    page = settled(api, "0/0", 1)
    assert 100 <= page["retry_ms"] < retry_ms
    api.sql(
        "update agent_activity_logs set timestamp = timestamp - %s * interval '1 second' "
        "where workspace = %s",
        quiet_s,
        api.workspace,
    )
    quiet = api.do("read_activity", cursor=page["cursor"])
    assert quiet["entries"] == []
    assert retry_ms <= quiet["retry_ms"] < max(retry_ms + 1, 2 * retry_ms)


def test_an_entry_that_commits_late_holds_back_those_behind_it(api: Api) -> None:
    with writing(api, "slow") as slow:
        note(api, "quick")
        assert api.do("read_activity", cursor="0/0")["entries"] == []
        assert api.do("read_activity")["cursor"] == "0/0"
        slow.commit()
    page = settled(api, "0/0", 2)
    assert names(page) == ["slow", "quick"]


def test_an_entry_of_a_transaction_that_began_before_it_is_not_missed(api: Api) -> None:
    """The lower id becomes visible last: who follows ids or times would miss it."""
    with (
        psycopg.connect(api.stack.database_url) as older,
        psycopg.connect(api.stack.database_url) as younger,
    ):
        older.execute("select pg_current_xact_id()")
        write(younger, api, "low id, young transaction")
        write(older, api, "high id, old transaction")
        younger.commit()
        assert api.do("read_activity", cursor="0/0")["entries"] == []
        older.commit()
    page = settled(api, "0/0", 2)
    assert names(page) == ["high id, old transaction", "low id, young transaction"]


def test_entries_that_were_rolled_back_are_skipped(api: Api) -> None:
    with writing(api, "never") as connection:
        note(api, "kept")
        connection.rollback()
    assert names(settled(api, "0/0", 1)) == ["kept"]


def test_a_transaction_of_another_database_delays_but_a_reader_does_not(api: Api) -> None:
    elsewhere = psycopg.conninfo.make_conninfo(api.stack.database_url, dbname="postgres")
    with psycopg.connect(elsewhere) as connection:
        connection.execute("set transaction isolation level repeatable read")
        connection.execute("select count(*) from pg_class")
        note(api, "seen")
        page = settled(api, "0/0", 1)
        connection.execute("select pg_current_xact_id()")
        note(api, "delayed")
        assert api.do("read_activity", cursor=page["cursor"])["entries"] == []
        connection.rollback()
    assert names(settled(api, page["cursor"], 1)) == ["delayed"]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_pages_cut_transactions_where_they_must_and_repeat_nothing(api: Api, size: int) -> None:
    for number in range(3):
        entries = [{"agent_name": "a", "activity": f"{number}.{n}"} for n in range(4)]
        api.do("log_agent_activities", entries=entries)
    settled(api, "0/0", 12)
    found: list[str] = []
    cursor, more = "0/0", True
    while more:
        page = api.do("read_activity", cursor=cursor, limit_count=size)
        found, cursor, more = found + names(page), page["cursor"], page["more"]
    assert found == [f"{number}.{n}" for number in range(3) for n in range(4)]


def test_a_filtered_follower_passes_over_others_in_steps(api: Api) -> None:
    api.sql(
        "insert into agent_activity_logs (workspace, agent_name, activity, execution_id) "
        "select %s, case when n in (3, 9000) then 'wanted' else 'other' end, n::text, 'run-1' "
        "from generate_series(1, 12000) as n",
        api.workspace,
    )
    settled(api, "0/0", 1)
    cursor, more, found, calls = "0/0", True, [], 0
    while more:
        page = api.do("read_activity", cursor=cursor, agent_name="wanted", limit_count=10)
        found += names(page)
        cursor, more, calls = page["cursor"], page["more"], calls + 1
    assert (found, calls) == (["3", "9000"], 3)
    assert cursor == api.do("read_activity")["cursor"]
    both = {"agent_name": "wanted", "execution_id": "run-1", "activity": "9000"}
    page = api.do("read_activity", cursor="0/0", **both)
    page = api.do("read_activity", cursor=page["cursor"], **both)
    assert names(page) == ["9000"]
    full = api.do("read_activity", cursor="0/0", agent_name="wanted", limit_count=1)
    assert full["more"]
    assert full["cursor"].split("/")[1] == str(full["entries"][0]["id"])


def test_an_import_is_followed_as_a_transaction_of_now(
    api: Api, new_workspace: Callable[[], Api]
) -> None:
    note(api, "old")
    document = api.do("export_state")
    assert "transaction_id" not in document["agent_activity_logs"][0]
    other = new_workspace()
    note(other, "before")
    other.operate("import_state", document=document)
    page = settled(other, "0/0", 3)
    assert names(page) == ["workspace_initialized", "before", "old"]


@pytest.mark.parametrize(
    "cursor", ["", "5", "a/b", "5/", "/5", "-1/0", "1/1/1", "1.5/2", "9" * 20 + "/0", "1/1\n"]
)
def test_an_invalid_cursor_is_refused(api: Api, cursor: str) -> None:
    assert api.refused("read_activity", "invalid_argument", cursor=cursor)["argument"] == "cursor"


def test_a_cursor_of_another_server_is_refused(api: Api) -> None:
    detail = api.refused("read_activity", "invalid_argument", cursor="9" * 19 + "/1")
    assert detail["reason"] == "is of another database server"


def test_a_restored_log_is_refused_until_the_hint_was_done(api: Api) -> None:
    note(api, "restored")
    api.sql(
        "update agent_activity_logs set transaction_id = '9999999999999' where workspace = %s",
        api.workspace,
    )
    for cursor in (None, "0/0"):
        status, answer = api.call("read_activity", cursor=cursor)
        assert (status, answer["message"]) == (409, "log_restored")
    repair = answer["hint"].partition(": ")[2].rstrip(".")
    assert repair.startswith("update public.agent_activity_logs ")
    api.sql(repair)
    note(api, "written here")
    assert names(settled(api, "0/0", 2)) == ["restored", "written here"]
