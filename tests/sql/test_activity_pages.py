"""Reading the activity log in pages, writing many entries at once, and pruning."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from tests.sql.support import Api, Row, make_workspace


@pytest.fixture
def api(api: Api) -> Api:
    """A workspace whose log is empty."""
    api.sql("delete from agent_activity_logs where workspace = %s", api.workspace)
    return api


@pytest.fixture
def log(api: Api) -> list[Row]:
    """Twelve entries of an hour each, newest first; three at each time."""
    api.sql(
        "insert into agent_activity_logs "
        '(workspace, agent_name, activity, execution_id, "timestamp") '
        "select %s, 'agent-' || n %% 2, 'activity-' || n %% 3, 'run-' || n %% 4, "
        "'2026-01-01T00:00:00Z'::timestamptz + n / 3 * interval '1 hour' "
        "from generate_series(0, 11) as n",
        api.workspace,
    )
    rows = api.rows("agent_activity_logs", order="timestamp.desc,id.desc")
    assert len(rows) == 12
    return rows


def numbers(rows: list[Row]) -> list[int]:
    return [row["id"] for row in rows]


FILTERS: dict[str, tuple[Row, Callable[[Row], bool]]] = {
    "agent": ({"agent_name": "agent-1"}, lambda row: row["agent_name"] == "agent-1"),
    "execution": ({"execution_id": "run-3"}, lambda row: row["execution_id"] == "run-3"),
    "activity": ({"activity": "activity-2"}, lambda row: row["activity"] == "activity-2"),
    "agent and activity": (
        {"agent_name": "agent-1", "activity": "activity-2"},
        lambda row: (row["agent_name"], row["activity"]) == ("agent-1", "activity-2"),
    ),
    "since": (
        {"since": "2026-01-01T02:00:00Z"},
        lambda row: row["timestamp"] >= "2026-01-01T02",
    ),
    "until": ({"until": "2026-01-01T02:00:00Z"}, lambda row: row["timestamp"] < "2026-01-01T02"),
    "an hour of an agent": (
        {
            "agent_name": "agent-0",
            "since": "2026-01-01T01:00:00Z",
            "until": "2026-01-01T02:00:00+00",
        },
        lambda row: row["timestamp"].startswith("2026-01-01T01") and row["agent_name"] == "agent-0",
    ),
    "nothing": ({}, lambda row: True),
    "nobody": ({"agent_name": "nobody"}, lambda row: False),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_pages_by_any_filter_are_the_whole_log_newest_first(
    api: Api, log: list[Row], name: str, size: int
) -> None:
    arguments, wanted = FILTERS[name]
    expected = [row for row in log if wanted(row)]
    assert api.do("get_recent_activity", **arguments) == expected
    found: list[Row] = []
    more: Row = {}
    while page := api.do("get_recent_activity", limit_count=size, **arguments, **more):
        assert len(page) <= size
        found += page
        more = {"before_id": page[-1]["id"]}
    assert found == expected


def test_a_page_begins_where_an_entry_stands_whatever_was_written_since(
    api: Api, log: list[Row]
) -> None:
    api.do("log_agent_activity", agent_name="agent-1", activity="later")
    page = api.do("get_recent_activity", before_id=log[4]["id"], limit_count=3)
    assert numbers(page) == numbers(log[5:8])


def test_a_page_does_not_begin_at_an_entry_that_is_not_there(
    api: Api, log: list[Row], new_workspace: Callable[[], Api]
) -> None:
    other = new_workspace().do("log_agent_activity", agent_name="a", activity="b")
    for unknown in (other["id"], 0, -1, 2**62):
        detail = api.refused("get_recent_activity", "invalid_argument", before_id=unknown)
        assert (detail["argument"], detail["value"]) == ("before_id", unknown)


BAD_FILTERS: list[tuple[str, Any]] = [
    *(("limit_count", value) for value in (0, -1, 10_001, None)),
    *((name, value) for name in ("agent_name", "execution_id") for value in ("", "a ", "x" * 129)),
    *(("activity", value) for value in ("", "x" * 201, "a\nb")),
]


@pytest.mark.parametrize(("argument", "value"), BAD_FILTERS)
@pytest.mark.parametrize("function", ["get_recent_activity", "read_activity"])
def test_a_filter_that_could_find_nothing_is_refused(
    api: Api, function: str, argument: str, value: Any
) -> None:
    detail = api.refused(function, "invalid_argument", **{argument: value})
    assert detail["argument"] == argument


def blocks_read(api: Api, call: str) -> int:
    """How many blocks a call touches, in the seventh run: plans are cached by then."""
    with psycopg.connect(api.stack.database_url) as connection:
        connection.execute(
            "select set_config('request.headers', %s, true)",
            [json.dumps({"x-workspace": api.workspace})],
        )
        for _ in range(7):
            (plan,) = connection.execute(
                f"explain (analyze, buffers, format json) {call}".encode()
            ).fetchall()
    root = plan[0][0]["Plan"]
    return int(root["Shared Hit Blocks"]) + int(root["Shared Read Blocks"])


@pytest.mark.parametrize("argument", ["agent_name", "execution_id", "activity"])
def test_a_page_by_a_filter_reads_its_index_and_not_the_log(
    api: Api, log: list[Row], argument: str
) -> None:
    api.sql(
        "insert into agent_activity_logs (workspace, agent_name, activity, execution_id) "
        "select %s, 'busy', 'usual', 'run' from generate_series(1, 20000)",
        api.workspace,
    )
    api.sql("analyze agent_activity_logs")
    newest = api.log()[-1]["id"]
    page = "select * from public.get_recent_activity"
    assert blocks_read(api, f"{page}({argument} => 'rare')") < 100
    assert blocks_read(api, f"{page}({argument} => 'rare', before_id => {newest})") < 100
    wanted = log[0][argument]
    assert blocks_read(api, f"{page}({argument} => '{wanted}')") < 100
    assert blocks_read(api, f"{page}(until => '{log[-4]['timestamp']}')") < 100


def test_entries_of_another_workspace_with_the_same_number_in_the_index_are_not_found(
    api: Api,
) -> None:
    """The number is made of "workspace/value": here both have the same text."""
    other = make_workspace(api.http, api.stack, f"{api.workspace}/a")
    note = {"agent_name": "a/b", "activity": "a/b", "execution_id": "a/b"}
    mine = api.do("log_agent_activity", **note)
    assert mine["workspace"] == api.workspace
    for argument in note:
        assert api.do("get_recent_activity", **{argument: "a/b"}) == [mine]
        assert other.do("get_recent_activity", **{argument: "b"}) == []


# Many at once


def test_many_entries_are_written_in_one_call_in_their_order(api: Api) -> None:
    entries = [
        {
            "agent_name": f"agent-{number % 3}",
            "activity": f"step {number}",
            "details": {"n": number},
        }
        for number in range(1000)
    ]
    del entries[7]["details"]
    rows = api.do("log_agent_activities", entries=entries, execution_id="run-1")
    assert [(row["agent_name"], row["activity"]) for row in rows] == [
        (entry["agent_name"], entry["activity"]) for entry in entries
    ]
    assert [row["details"] for row in rows[6:9]] == [{"n": 6}, {}, {"n": 8}]
    assert {row["execution_id"] for row in rows} == {"run-1"}
    assert len({row["transaction_id"] for row in rows}) == 1
    assert numbers(rows) == sorted(numbers(rows))
    assert api.log() == rows


def test_one_bad_entry_refuses_all(api: Api) -> None:
    good = {"agent_name": "a", "activity": "b"}
    detail = api.refused(
        "log_agent_activities", "invalid_argument", entries=[good, good, {**good, "activity": ""}]
    )
    assert detail["argument"] == "entries.2.activity"
    assert api.log() == []


# Pruning


def test_pruning_deletes_what_is_older_the_oldest_first_and_says_so(
    api: Api, log: list[Row]
) -> None:
    before = {"older_than": "2026-01-01T03:00:00Z"}  # three are not older
    assert api.operate("prune_activity", limit_count=4, **before) == 4
    kept = [row for row in api.do("get_recent_activity") if row["activity"] != "activity_pruned"]
    assert kept == log[:8]
    assert api.operate("prune_activity", limit_count=100, **before) == 5
    assert api.operate("prune_activity", limit_count=100, **before) == 0
    pruned = api.log("activity_pruned")
    assert [row["details"]["entries"] for row in pruned] == [4, 5]
    assert {row["agent_name"] for row in pruned} == {"operator"}
    assert api.do("get_recent_activity", until="2026-01-02T00:00:00Z") == log[:3]
