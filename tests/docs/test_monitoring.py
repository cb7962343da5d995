"""docs/monitoring: each query runs as the role that the page makes, each panel has its metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg.rows import dict_row

from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo

FOLDER = Path(__file__).parents[2] / "docs" / "monitoring"
QUERIES: dict[str, Any] = yaml.safe_load((FOLDER / "queries.yaml").read_text())
# What PostgREST's admin server gives, by its documentation.
OF_POSTGREST = {
    "pgrst_db_pool_available",
    "pgrst_db_pool_max",
    "pgrst_db_pool_timeouts_total",
    "pgrst_db_pool_waiting",
}
NUMBERS = (int, float)

Connection = psycopg.Connection[dict[str, Any]]


def usages(query: str) -> dict[str, str]:
    """Columns as declared: LABEL, GAUGE or COUNTER."""
    return {
        name: declared["usage"]
        for column in QUERIES[query]["metrics"]
        for name, declared in column.items()
    }


def metrics() -> set[str]:
    return {
        f"{query}_{column}"
        for query in QUERIES
        for column, usage in usages(query).items()
        if usage != "LABEL"
    }


def metrics_in(expressions: list[str]) -> set[str]:
    return set(re.findall(r"\b(?:sharedstate|pgrst)_\w+", " ".join(expressions)))


@pytest.fixture
def monitor(stack: StackInfo) -> Iterator[Connection]:
    """A connection as the role that role.sql makes; all of it is rolled back."""
    with psycopg.connect(stack.database_url, row_factory=dict_row) as connection:
        connection.execute((FOLDER / "role.sql").read_bytes())
        connection.execute("grant sharedstate_monitor to current_user")
        connection.execute("set local role sharedstate_monitor")
        yield connection
        connection.rollback()


def rows_of(connection: Connection, query: str) -> list[dict[str, Any]]:
    return connection.execute(QUERIES[query]["query"].encode()).fetchall()


@pytest.fixture
def busy_workspace(state: SharedState, workspace: str) -> str:
    """A workspace with a lease and an open conflict."""
    assert state.acquire_lock("subsystem", "skeleton", "skeleton_agent")
    state.log_conflict("high", "skeleton_agent", "system_architect", "Too heavy")
    return workspace


def test_each_query_gives_the_columns_and_kinds_that_it_declares(
    monitor: Connection, busy_workspace: str, subtests: pytest.Subtests
) -> None:
    for query in QUERIES:
        with subtests.test(query):
            rows = rows_of(monitor, query)
            assert rows
            for row in rows:
                assert list(row) == list(usages(query))
                for column, usage in usages(query).items():
                    kind = str if usage == "LABEL" else NUMBERS
                    assert isinstance(row[column], kind), column


def test_what_agents_do_is_seen_in_the_metrics(
    stack: StackInfo, monitor: Connection, busy_workspace: str
) -> None:
    def of(query: str) -> dict[str, Any]:
        (row,) = (r for r in rows_of(monitor, query) if r["workspace"] == busy_workspace)
        return row

    leases = of("sharedstate_leases")
    assert (leases["held"], leases["unconfirmed"]) == (1, 0)
    assert 0 < leases["oldest_seconds"] < 60
    assert of("sharedstate_hand_over")["grants_total"] == 1
    assert of("sharedstate_lock_waits")["waiting"] == 0
    conflicts = of("sharedstate_open_conflicts")
    assert (conflicts["severity"], conflicts["age"]) == ("high", "under 10 min")
    assert conflicts["count"] == 1
    calls = {r["function_name"]: r["last_minute"] for r in rows_of(monitor, "sharedstate_calls")}
    assert calls["log_conflict"] >= 1


def test_who_waits_for_a_lock_is_counted(
    monitor: Connection, busy_workspace: str, rpc: Any
) -> None:
    status, _ = rpc(
        "acquire_lock",
        resource_type="subsystem",
        resource_name="skeleton",
        agent_name="shell_agent",
        execution_id="another",
        wait_seconds=60,
        request_id="00000000-0000-4000-8000-000000000001",
    )
    assert status == 200
    (waits,) = (
        row
        for row in rows_of(monitor, "sharedstate_lock_waits")
        if row["workspace"] == busy_workspace
    )
    assert waits["waiting"] == 1
    assert 0 < waits["longest_seconds"] < 60


@pytest.mark.parametrize(
    "statement",
    [
        "select description from public.conflicts",
        "select locked_by from public.agent_locks",
        "select design_data from public.subsystem_designs",
        "select details from public.agent_activity_logs",
        "select answer from core.requests",
        "delete from public.agent_locks where workspace = 'default'",
        "insert into core.workspaces (name) values ('mine')",
        "select public.health()",
    ],
)
def test_the_role_reads_no_content_and_changes_nothing(monitor: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        monitor.execute(statement.encode())


def test_each_panel_asks_for_metrics_that_are_there_and_none_is_left_over() -> None:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    asked: set[str] = set()
    for panel in dashboard["panels"]:
        found = metrics_in([target["expr"] for target in panel["targets"]])
        assert found, panel["title"]
        assert found <= metrics() | OF_POSTGREST, panel["title"]
        asked |= found
    assert asked == metrics() | OF_POSTGREST


def test_the_alerts_of_the_page_ask_for_metrics_that_are_there() -> None:
    page = (FOLDER.parent / "monitoring.md").read_text()
    found = metrics_in(re.findall(r"expr: (.*)", page))
    assert found
    assert found <= metrics()
