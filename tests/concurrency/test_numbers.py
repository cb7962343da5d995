"""Sixteen processes write at once: numbers without gaps, nothing lost, no deadlock."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg
import pytest
from tests.concurrency.crew import SIZE, Crew

Row = dict[str, Any]
Database = psycopg.Connection[tuple[Any, ...]]

NUMBERED: dict[str, tuple[str, int, Row]] = {
    "update_subsystem_requirements": ("version", 0, {"requirements": {}}),
    "update_subsystem_interfaces": ("version", 0, {"interfaces": {}}),
    "update_subsystem_design": ("version", 0, {"design_data": {}}),
    "update_global_constraints": ("version", 1, {"constraints": {}}),
    "update_subsystem_status": ("version", 1, {"status": {}}),
    "log_conflict": (
        "conflict_id",
        0,
        {"severity": "low", "source": "a", "target": "b", "description": "?"},
    ),
}


def call(function: str) -> tuple[str, Row]:
    arguments = dict(NUMBERED[function][2])
    if function.startswith("update_subsystem"):
        arguments["subsystem"] = "skeleton"
    if function == "update_subsystem_status":
        arguments["execution_id"] = "run-1"
    elif function.startswith("update"):
        arguments["created_by"] = "skeleton_agent"
    return function, arguments


@pytest.mark.parametrize("function", NUMBERED)
def test_sixteen_processes_are_given_all_numbers_from_one_to_n_once(
    crew: Crew, workspace: str, function: str, effort: int
) -> None:
    column, before, _ = NUMBERED[function]
    times = 10 * effort
    answers = crew.all("calls", workspace=workspace, calls=[call(function)] * times)
    numbers = []
    for worker in answers:
        assert {status for status, _ in worker} == {200}, worker
        own = [row[column] for _, row in worker]
        assert own == sorted(own)
        numbers += own
    assert sorted(numbers) == list(range(before + 1, before + SIZE * times + 1))


def test_documents_of_an_unknown_subsystem_are_numbered_from_one_too(
    crew: Crew, workspace: str, effort: int
) -> None:
    """All sixteen want to make the subsystem."""
    for number in range(10 * effort):
        name, arguments = call("update_subsystem_design")
        answers = crew.race(workspace, [(name, {**arguments, "subsystem": f"new-{number}"})] * SIZE)
        assert sorted(row["version"] for _, row in answers) == list(range(1, SIZE + 1))


def test_of_sixteen_writes_with_one_version_one_wins(
    crew: Crew, workspace: str, effort: int
) -> None:
    for version in range(1, 40 * effort):
        calls = [
            (
                "update_subsystem_status",
                {
                    "subsystem": "skeleton",
                    "status": {"version": version, "winner": number},
                    "execution_id": f"run-{number}",
                },
            )
            for number in range(SIZE)
        ]
        answers = crew.race(workspace, calls)
        assert Counter(status for status, _ in answers) == {200: 1, 409: SIZE - 1}
        for number, (status, row) in enumerate(answers):
            if status == 200:
                assert (row["metadata"]["winner"], row["version"]) == (number, version + 1)
            else:
                assert row["message"] == "stale_version"


DOCUMENTS = {"update_subsystem_design": "design_data", "update_global_constraints": "constraints"}


def published(function: str, base: int, content: list[Row]) -> list[tuple[str, Row]]:
    """Calls that publish each content as a change of the same version."""
    name, arguments = call(function)
    return [
        (name, {**arguments, DOCUMENTS[function]: one, "base_version": base}) for one in content
    ]


@pytest.mark.parametrize("function", DOCUMENTS)
def test_of_sixteen_changes_of_one_part_on_one_base_one_wins(
    crew: Crew, workspace: str, function: str, effort: int
) -> None:
    first = NUMBERED[function][1]
    for base in range(first, first + 25 * effort):
        content = [{"winner": f"{base}-{number}"} for number in range(SIZE)]
        answers = crew.race(workspace, published(function, base, content))
        assert Counter(status for status, _ in answers) == {200: 1, 409: SIZE - 1}


@pytest.mark.parametrize("function", DOCUMENTS)
def test_of_sixteen_changes_of_different_parts_on_one_base_none_is_lost(
    crew: Crew, workspace: str, function: str, effort: int
) -> None:
    base = NUMBERED[function][1]
    for round_number in range(5 * effort):
        content = [{f"part-{round_number}-{number}": number} for number in range(SIZE)]
        answers = crew.race(workspace, published(function, base, content))
        assert [status for status, _ in answers] == [200] * SIZE
        latest = max((row for _, row in answers), key=lambda row: int(row["version"]))
        found = latest.get("design_data") or latest["metadata"]
        assert all(found[key] == value for one in content for key, value in one.items())
        base = latest["version"]


@pytest.mark.parametrize("function", DOCUMENTS)
def test_the_same_change_sixteen_times_on_one_base_is_published_once(
    crew: Crew, workspace: str, function: str, effort: int
) -> None:
    first = NUMBERED[function][1]
    for base in range(first, first + 5 * effort):
        answers = crew.race(workspace, published(function, base, [{"same": base}] * SIZE))
        assert [(status, row["version"]) for status, row in answers] == [(200, base + 1)] * SIZE


def test_a_conflict_is_resolved_by_one(crew: Crew, workspace: str, effort: int) -> None:
    for number in range(1, 25 * effort):
        crew.race(workspace, [call("log_conflict")])
        calls: list[tuple[str, Row]] = [
            (
                "resolve_conflict",
                {"conflict_id": number, "resolution": f"by {n}", "resolved_by": f"worker-{n}"},
            )
            for n in range(SIZE)
        ]
        answers = crew.race(workspace, calls)
        assert Counter(status for status, _ in answers) == {200: 1, 409: SIZE - 1}


def test_counting_up_by_compare_and_set_loses_nothing(
    crew: Crew, workspace: str, database: Database, effort: int
) -> None:
    times = 5 * effort
    assert crew.all("compare_and_set", workspace=workspace, times=times) == [times] * SIZE
    found = database.execute(
        "select (metadata ->> 'count')::int, version from subsystems "
        "where workspace = %s and name = 'skeleton'",
        [workspace],
    ).fetchone()
    assert found == (times * SIZE, times * SIZE + 1)


# Deadlocks


def deadlocks(database: Database) -> int:
    database.execute("select pg_stat_clear_snapshot()")
    row = database.execute(
        "select deadlocks from pg_stat_database where datname = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_checkins_of_one_lease_from_many_threads_end_in_one_release(
    crew: Crew, workspace: str, database: Database, effort: int
) -> None:
    before = deadlocks(database)
    agent = {"subsystem": "skeleton", "agent_name": "worker-0", "execution_id": "worker-0"}
    for _ in range(15 * effort):
        _, (checkout,) = crew.workers[0].call(workspace, "checkout_subsystem", **agent)
        checkin = {
            **agent,
            "fencing_token": checkout["lease"]["fencing_token"],
            "status": {"state": "complete"},
            "design_data": {},
            "interfaces": {},
        }
        calls = [
            ("checkin_subsystem", {**checkin, "release": number % 2 == 0}) for number in range(8)
        ]
        answers = crew.workers[0].do("threads", workspace=workspace, calls=calls)
        assert {status for status, _ in answers} <= {200, 409}, answers
        assert {row["message"] for status, row in answers if status == 409} <= {"lease_lost"}
        released = [row["released"] for status, row in answers if status == 200]
        assert released.count(True) == 1
    assert deadlocks(database) == before


def is_of_the_database(name: str, answer: Any) -> bool:
    """Whether somebody tried to open again one of the conflicts about budgets, which it may not."""
    return name == "reopen_conflict" and "is about a budget" in str(answer["details"])


def test_a_storm_of_every_kind_of_call_ends_without_a_deadlock_and_with_all_numbers_right(
    crew: Crew, workspace: str, database: Database, effort: int
) -> None:
    before = deadlocks(database)
    answers = crew.each(
        [
            ("storm", {"workspace": workspace, "times": 60 * effort, "seed": seed})
            for seed in range(SIZE)
        ]
    )
    done = [one for worker in answers for one in worker]
    strange = [
        (name, status, answer)
        for name, status, answer in done
        if status not in (200, 404, 409, 423) and not is_of_the_database(name, answer)
    ]
    assert strange == []
    succeeded = Counter(name for name, status, _ in done if status == 200)
    assert deadlocks(database) == before

    def one(query: str) -> Any:
        row = database.execute(query.encode(), {"w": workspace}).fetchone()
        assert row is not None
        return row[0]

    conflicts = "from conflicts where workspace = %(w)s"
    # The database reports overruns by itself.
    logged = f"{conflicts} and coalesce(conflict_key, '') not like 'sharedstate:%%'"
    assert one(f"select coalesce(sum(reports), 0) {logged}") == succeeded["log_conflict"]
    assert one(f"select count(*) = coalesce(max(conflict_id), 0) {conflicts}")
    events = "select count(*) as n, max(event_id) as latest from conflict_events"
    assert (
        one(
            f"select count(*) from ({events} where workspace = %(w)s group by conflict_id) as e "
            "where n <> latest"
        )
        == 0
    )
    constraints = "from global_constraints where workspace = %(w)s"
    versions = succeeded["update_global_constraints"] + succeeded["transfer_budget"] + 1
    assert one(f"select count(*) {constraints}") == versions
    assert one(f"select max(version) {constraints}") == versions
    gaps = (
        "select count(*) from (select count(*) as n, max(version) as latest from {table} "
        "where workspace = %(w)s group by subsystem_name) as t where n <> latest"
    )
    for table in ("subsystem_requirements", "subsystem_interfaces", "subsystem_designs"):
        assert one(gaps.format(table=table)) == 0
