"""get_board: a whole workspace in one answer, and a feed of its log that misses nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest
from tests.sql.mutations import MUTATION_BY_NAME
from tests.sql.support import Api, Row
from tests.sql.waiting import POWER, SHELL, Client, Make

from sharedstate_ops.stack.keys import make_token


def conflict(api: Api, **more: Any) -> int:
    call = MUTATION_BY_NAME["log_conflict"].arguments
    number: int = api.do("log_conflict", **{**call, **more})["conflict_id"]
    return number


def note(api: Api, activity: str) -> Row:
    row: Row = api.do("log_agent_activity", agent_name="writer", activity=activity)
    return row


def settled(api: Api, cursor: str | None, last: Row, **more: Any) -> Row:
    """The first board that shows this entry. Any transaction of the server delays it."""
    for _ in range(2000):
        board: Row = api.do("get_board", cursor=cursor, **more)
        if last in board["entries"]:
            return board
        api.sql("select pg_sleep(0.005)")
    raise AssertionError(f"{last} did not come")


def names(board: Row) -> list[str]:
    return [entry["activity"] for entry in board["entries"]]


def test_a_board_has_these_keys_and_is_of_the_database_s_time(api: Api) -> None:
    board = api.do("get_board")
    assert list(board) == [
        *("workspace", "server_time", "subsystems", "conflicts", "leases", "queue", "budgets"),
        *("counts", "entries", "cursor", "more"),
    ]
    assert board["workspace"] == api.workspace
    assert (board["conflicts"], board["leases"], board["queue"]) == ([], [], [])
    assert board["counts"] == {"subsystems": 7, "conflicts": 0, "leases": 0, "queue": 0}
    ((is_now,),) = api.sql(
        "select clock_timestamp() - %s::timestamptz between interval '0' and interval '1 minute'",
        board["server_time"],
    )
    assert is_now


def test_each_subsystem_is_as_in_system_status_with_the_length_of_its_queue(
    api: Api, make: Make
) -> None:
    api.do(
        "update_subsystem_status",
        subsystem="power",
        status={"state": "designing", "current_mass_kg": 900},
        execution_id="run-1",
    )
    api.do("record_dependency", **MUTATION_BY_NAME["record_dependency"].arguments)
    api.do(
        "update_subsystem_interfaces",
        subsystem="power",
        interfaces={"plug": {"volts": 48}},
        created_by="power_agent",
    )
    make("power_agent").holds(POWER)
    for name in ("a", "b"):
        make(name).waits(POWER)
    subsystems = api.do("get_board")["subsystems"]
    queues = {row["name"]: row.pop("queue_length") for row in subsystems}
    assert subsystems == api.rows("system_status")
    assert queues == {**dict.fromkeys(queues, 0), "power": 2}
    (power,) = (row for row in subsystems if row["name"] == "power")
    assert (power["locked_by"], power["within_budget"]) == ("power_agent", False)
    assert [row["name"] for row in subsystems if row["stale_inputs"]] == ["skeleton"]


def test_open_conflicts_come_most_urgent_first_with_whom_they_block(api: Api) -> None:
    for priority, severity in ((3, "low"), (1, "medium"), (3, "critical"), (1, "high")):
        conflict(api, priority=priority, severity=severity, blocks=[f"{severity}_agent"])
    resolved = conflict(api, priority=1)
    api.do("resolve_conflict", conflict_id=resolved, resolution="done", resolved_by="x")
    board = api.do("get_board")
    active = api.do("get_active_conflicts")
    assert [row["conflict_id"] for row in active] == [4, 2, 3, 1]
    assert board["conflicts"] == [
        {key: row[key] for key in board["conflicts"][0]} for row in active
    ]
    assert board["conflicts"][0]["blocks_agents"] == ["high_agent"]
    assert board["counts"]["conflicts"] == 4


def test_leases_and_queues_are_those_of_now(api: Api, make: Make) -> None:
    api.lapse(api.lock())
    make("second").holds(SHELL, ttl_seconds=200)
    make("first").holds(POWER, ttl_seconds=100)
    make("later").waits(POWER)
    make("urgent").waits(POWER, priority=1)
    make("gone").waits(SHELL)
    api.sql(
        "update core.lock_tickets set gives_up_at = clock_timestamp() "
        "where workspace = %s and agent_name = 'gone'",
        api.workspace,
    )
    board = api.do("get_board")
    assert board["leases"] == api.rows(
        "agent_locks", order="expires_at", resource_name="neq.skeleton"
    )
    assert [row["locked_by"] for row in board["leases"]] == ["first", "second"]
    assert board["queue"] == api.rows("lock_queue", order="resource_name,position")
    assert [(row["agent_name"], row["position"]) for row in board["queue"]] == [
        ("urgent", 1),
        ("later", 2),
    ]
    assert (board["counts"]["leases"], board["counts"]["queue"]) == (2, 2)


def test_the_budgets_are_the_robot_s_in_budget_usage(api: Api) -> None:
    api.do("reserve_budget", **MUTATION_BY_NAME["reserve_budget"].arguments)
    for subsystem, mass in (("power", 900), ("shell", 2.5)):
        api.do(
            "update_subsystem_status",
            subsystem=subsystem,
            status={"current_mass_kg": mass, "current_cost_usd": 7, "current_power_w": 3},
            execution_id="run-1",
        )
    shown = api.rows("budget_usage", scope="eq.robot", order="quantity")
    assert [row["quantity"] for row in shown] == ["cost_usd", "mass_kg", "power_w"]
    assert api.do("get_board")["budgets"] == shown
    assert shown[1]["held"] == 0.5


def test_without_limits_the_budgets_say_what_is_used(api: Api) -> None:
    api.sql("delete from global_constraints where workspace = %s", api.workspace)
    rows = api.do("get_board")["budgets"]
    assert [(row["quantity"], row["used"], row["allocated"]) for row in rows] == [
        ("cost_usd", 0, None),
        ("mass_kg", 0, None),
        ("power_w", 0, None),
    ]


def test_no_list_is_longer_than_its_limit_and_the_counts_are_of_all(api: Api, make: Make) -> None:
    for number in range(3):
        conflict(api, priority=3 - number)
    make("a").holds(POWER, SHELL)
    for name in ("b", "c"):
        make(name).waits(POWER)
    settled(api, None, note(api, "last"))
    board = api.do("get_board", limit_count=1)
    lists = ("subsystems", "conflicts", "leases", "queue", "entries")
    assert {name: len(board[name]) for name in lists} == dict.fromkeys(lists, 1)
    assert board["subsystems"][0]["name"] == "actuation"
    assert board["conflicts"][0]["conflict_id"] == 3
    assert names(board) == ["last"]
    assert board["counts"] == {"subsystems": 7, "conflicts": 3, "leases": 2, "queue": 2}
    assert len(board["budgets"]) == 3


# The log


def test_the_feed_begins_with_the_newest_entries_and_goes_on_without_a_gap(api: Api) -> None:
    first = [note(api, f"first {n}") for n in range(4)]
    board = settled(api, None, first[-1], limit_count=3)
    assert (board["entries"], board["more"]) == (first[1:], False)
    again = api.do("get_board", cursor=board["cursor"])
    assert (again["entries"], again["cursor"]) == ([], board["cursor"])
    later = [note(api, f"later {n}") for n in range(5)]
    settled(api, board["cursor"], later[-1])
    found: list[Row] = []
    page = api.do("get_board", cursor=board["cursor"], limit_count=2)
    while page["more"]:
        found += page["entries"]
        page = api.do("get_board", cursor=page["cursor"], limit_count=2)
    assert found + page["entries"] == later


def test_an_entry_that_is_committed_late_is_neither_missed_nor_shown_twice(api: Api) -> None:
    before = settled(api, None, note(api, "before"))
    with psycopg.connect(api.stack.database_url) as slow:
        slow.execute(
            "select core.write_activity(%s, 'writer', 'slow', '{}', null)", [api.workspace]
        )
        quick = note(api, "quick")
        # Nothing behind the open transaction, with a cursor or without.
        assert api.do("get_board", cursor=before["cursor"])["entries"] == []
        begun = api.do("get_board")
        assert (names(begun)[-1], begun["cursor"]) == ("before", before["cursor"])
    assert names(settled(api, begun["cursor"], quick)) == ["slow", "quick"]


def test_the_log_of_an_empty_workspace_begins_at_its_start(api: Api) -> None:
    api.sql("delete from agent_activity_logs where workspace = %s", api.workspace)
    board = api.do("get_board")
    assert (board["entries"], board["cursor"], board["more"]) == ([], "0/0", False)
    assert settled(api, "0/0", note(api, "first"))["entries"]


# Callers


def full(api: Api) -> Row:
    conflict(api, blocks=["shell_agent"])
    api.do("reserve_budget", **MUTATION_BY_NAME["reserve_budget"].arguments)
    api.do(
        "update_global_constraints",
        constraints={"total_mass_kg_max": 100},
        created_by="system_architect",
    )
    Client(api, "a").holds(POWER)
    Client(api, "b").waits(POWER)
    api.sql(
        "update core.lock_tickets set alive_until = 'infinity' where workspace = %s", api.workspace
    )
    return settled(api, None, note(api, "last"))


def test_agents_and_operators_of_the_workspace_see_the_same(api: Api) -> None:
    board = full(api)
    token = partial(make_token, api.stack.jwt_secret, workspace=api.workspace, ttl=60)
    for key in (
        token("authenticated", agent="shell_agent"),
        api.stack.service_key,
        token("service_role"),
    ):
        other = api.do("get_board", key=key)
        assert {**other, "server_time": None} == {**board, "server_time": None}


@pytest.mark.parametrize("role", ["authenticated", "service_role"])
def test_another_workspace_sees_nothing_of_it(
    api: Api, new_workspace: Callable[[], Api], role: str
) -> None:
    board = full(api)
    elsewhere = new_workspace()
    key = make_token(api.stack.jwt_secret, role, workspace=elsewhere.workspace, ttl=60)
    # Its own header cannot open the other one, nor can that one's cursor.
    for cursor in (None, "0/0", board["cursor"]):
        seen = api.do("get_board", key=key, cursor=cursor)
        assert seen["workspace"] == elsewhere.workspace
        assert (seen["conflicts"], seen["leases"], seen["queue"]) == ([], [], [])
        assert len(seen["subsystems"]) == 7
        assert [(row["allocated"], row["used"], row["held"]) for row in seen["budgets"]] == [
            (15_000, 0, 0),
            (45, 0, 0),
            (900, 0, 0),
        ]
        assert seen["counts"] == {"subsystems": 7, "conflicts": 0, "leases": 0, "queue": 0}
        assert api.workspace not in str(seen)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("limit_count", value) for value in (0, -1, 1001, None)),
        *(("cursor", value) for value in ("", "x", "7", "7/", "/7", "-1/0", "0/0; drop", "1" * 30)),
        ("cursor", f"{2**62}/1"),
    ],
)
def test_a_wrong_argument_is_named(api: Api, argument: str, value: Any) -> None:
    detail = api.refused("get_board", "invalid_argument", **{argument: value})
    assert detail["argument"] == argument


def test_it_may_be_asked_for_by_get(api: Api) -> None:
    answer = api.http.get("/rpc/get_board", params={"limit_count": 2}, headers=api.headers())
    assert (answer.status_code, len(answer.json()["subsystems"])) == (200, 2)
