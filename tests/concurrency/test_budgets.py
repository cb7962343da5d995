"""Many processes and one budget: its last unit has one winner, whatever each of them tries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.concurrency.budget_calls import allocate, reserve, transfer, write
from tests.concurrency.crew import Answer, Call, Crew

from sharedstate_ops.stack import StackInfo

Database = psycopg.Connection[tuple[Any, ...]]
RACERS = 32


@pytest.fixture(scope="module")
def racers(stack: StackInfo) -> Iterator[Crew]:
    started = Crew(stack, RACERS)
    yield started
    started.close()


def done(crew: Crew, workspace: str, call: Call) -> Any:
    """The answer to a call that has to succeed, made by one process."""
    name, arguments = call
    status, answer = crew.workers[0].call(workspace, name, **arguments)
    assert status == 200, answer
    return answer


def winners(answers: list[Answer]) -> list[int]:
    """The places of those that got what they wanted; the others got nothing, or a clear refusal."""
    for status, answer in answers:
        assert status == 200 or answer["message"] == "over_budget", answer
    return [n for n, (status, answer) in enumerate(answers) if status == 200 and answer != []]


def undo(call: Call, answer: Any, number: int) -> Call:
    """The call that gives back what a winner took."""
    name, arguments = call
    if name == "reserve_budget":
        held = {"reservation_id": answer[0]["reservation_id"]}
        return "release_budget", {**held, "execution_id": f"run-{number}"}
    if name == "transfer_budget":
        return transfer(number, arguments["to_subsystem"], arguments["from_subsystem"])
    return write(14)


@pytest.mark.parametrize("budget", ["skeleton", "reserve"])
def test_of_32_processes_that_race_for_the_last_unit_of_a_budget_one_wins(
    racers: Crew, workspace: str, database: Database, effort: int, budget: str
) -> None:
    """Of a subsystem by holding or strictly using it, of the reserve by holding or moving it."""
    if budget == "skeleton":
        done(racers, workspace, write(14))
        others = [write(15, strict=True)]
    else:
        done(racers, workspace, transfer(0, "reserve", "shell"))
        others = [transfer(number, "reserve", "shell") for number in range(RACERS // 2)]
    calls = others + [reserve(number, budget) for number in range(len(others), RACERS)]
    for round_number in range(50 * effort):
        # Another order each time, as processes that are asked first have a head start.
        turn = round_number % RACERS
        turned = calls[turn:] + calls[:turn]
        answers = racers.race(workspace, turned)
        (winner,) = winners(answers)
        number = (winner + turn) % RACERS
        done(racers, workspace, undo(turned[winner], answers[winner][1], number))
        left = database.execute(
            "select remaining from budget_usage "
            "where workspace = %s and name = %s and quantity = 'mass_kg'",
            [workspace, budget],
        ).fetchone()
        assert left == (1,)


def test_of_32_processes_that_race_for_the_last_unit_that_is_not_allocated_one_wins(
    racers: Crew, workspace: str, database: Database, effort: int
) -> None:
    """Each writes the status of another subsystem; some are new."""
    done(racers, workspace, allocate(reserve=44))
    for round_number in range(20 * effort):
        prefix = f"part-{round_number // 4}"
        calls = [write(1, f"{prefix}-{n}", f"run-{n}", strict=True) for n in range(RACERS)]
        answers = racers.race(workspace, calls)
        (winner,) = winners(answers)
        used = database.execute(
            "select sum(current_mass_kg) from subsystems where workspace = %s", [workspace]
        ).fetchone()
        assert used == (1,)
        done(racers, workspace, write(0, f"{prefix}-{winner}"))
    assert database.execute(
        "select count(*) from conflicts where workspace = %s", [workspace]
    ).fetchone() == (0,)


def test_transfers_in_all_directions_keep_every_sum_and_stay_above_zero(
    racers: Crew, workspace: str, database: Database, effort: int
) -> None:
    names = ["skeleton", "shell", "power", "reserve"]
    pairs = [(one, other) for one in names for other in names if one != other]
    for _ in range(5 * effort):
        calls = [transfer(n, *pairs[n % len(pairs)], mass_kg=3) for n in range(RACERS)]
        winners(racers.race(workspace, calls))
    versions = database.execute(
        "select sum((b.value ->> 'mass_kg')::numeric), min((b.value ->> 'mass_kg')::numeric) >= 0 "
        "from global_constraints as g, jsonb_each(g.budget_allocations) as b "
        "where g.workspace = %s group by g.version",
        [workspace],
    ).fetchall()
    assert len(versions) > RACERS
    assert set(versions) == {(45, True)}
