from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from humanoid.board import ORDER, activity_line, conflict_table, live_board, loud, status_table
from humanoid.runner import shortcomings


def row(name: str, **changes: Any) -> dict[str, Any]:
    amounts = {
        f"{kind}_{resource}": None
        for kind in ("current", "budget")
        for resource in ("mass_kg", "cost_usd", "power_w")
    }
    known = {"state": "complete", "within_budget": True, "active_conflicts": 0, "locked_by": None}
    return {"name": name, **amounts, **known, **changes}


ROWS = [row(name) for name in ORDER]
ROBOT = [{"quantity": "mass_kg", "used": 33.1, "allocated": 45.0}]
HEAVY = [{"quantity": "mass_kg", "used": 45.1, "allocated": 45.0}]
BILL = {"bill_of_materials": [{"name": "motor"}]}


def entry(activity: str, **details: Any) -> dict[str, Any]:
    when = "2026-11-22T12:00:00+00:00"
    return {
        "timestamp": when,
        "agent_name": "power_agent",
        "activity": activity,
        "details": details,
    }


def shown(thing: Any) -> str:
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(thing)
    return capture.get()


def test_a_design_without_shortcomings_has_converged() -> None:
    assert shortcomings(ROWS, [{"conflict_id": 1, "status": "resolved"}], BILL, ROBOT) == []


@pytest.mark.parametrize(
    ("rows", "conflicts", "bill", "robot", "found"),
    [
        (ROWS[:-1], [], BILL, ROBOT, "integration is not complete"),
        ([*ROWS[:-1], row("integration", state="over_budget")], [], BILL, ROBOT, "is not complete"),
        ([*ROWS[:-1], row("integration", within_budget=False)], [], BILL, ROBOT, "over its budget"),
        (ROWS, [{"conflict_id": 3, "status": "open"}], BILL, ROBOT, "conflict #3 is open"),
        (ROWS, [], {}, ROBOT, "there is no bill of materials"),
        (ROWS, [], BILL, HEAVY, "the robot is over its limit: mass_kg 45.1 of 45"),
    ],
)
def test_each_shortcoming_of_a_finished_design_is_found(
    rows: list[dict[str, Any]], conflicts: list[dict[str, Any]], bill: Any, robot: Any, found: str
) -> None:
    [only] = shortcomings(rows, conflicts, bill, robot)
    assert found in only


def test_subsystems_that_are_not_of_this_design_do_not_matter() -> None:
    other = row("gripper", state="designing", within_budget=None)
    assert shortcomings([*ROWS, other], [], BILL, ROBOT) == []


def test_the_board_shows_use_and_budget_in_the_order_of_the_flow() -> None:
    power = row("power", current_mass_kg=8.752, budget_mass_kg=8, active_conflicts=1)
    text = shown(status_table([power, row("skeleton")], None))
    assert "8.75 of 8.00" in text
    assert "complete !" in text
    assert text.index("\nskeleton") < text.index("\npower")


def test_the_live_board_tells_what_each_one_waits_for() -> None:
    recent = [entry("waiting", **{"for": "the actuation design"})]
    text = shown(live_board([row("power", state="not_started")], recent))
    assert "the actuation design" in text.splitlines()[3]


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ({"mass_kg": 8.7, "power_w": 730, "subsystem": "actuation"}, "8.7 kg, 730 W"),
        ({"conflict_id": 2, "resolution": "moved"}, "#2 moved"),
        ({"conflict_id": 2, "severity": "high", "target": "x"}, "#2 high, for x"),
        ({"for": "the skeleton design"}, "for the skeleton design"),
        ({"subsystem": "shell", "version": 3}, "shell, version 3"),
        ({"anything": 1}, "anything 1"),
        ({}, ""),
    ],
)
def test_an_activity_is_told_in_words(details: dict[str, Any], text: str) -> None:
    assert activity_line(entry("did", **details)).endswith(f"did                  {text}".rstrip())


def test_the_answers_to_a_conflict_come_from_its_history() -> None:
    events = [{"severity": "high"}, {"note": "use gearboxes"}, {"resolution": "within it again"}]
    told = {"source_agent": "actuation", "severity": "high", "description": "too heavy"}
    history = [{"details": details} for details in events]
    conflicts = [
        {"conflict_id": 1, "status": "resolved", "history": history, **told},
        {"conflict_id": 2, "status": "open", "history": history[:2], **told},
    ]
    lines = [line.split() for line in shown(conflict_table(conflicts)).splitlines()]
    first = next(n for n, words in enumerate(lines) if words[:1] == ["1"])
    told_last = [words[-1] for words in lines[first : first + 4]]
    assert told_last == ["gearboxes", "again", "gearboxes", "open"]


def test_the_board_leaves_out_entries_that_only_the_database_needs() -> None:
    assert loud([entry("started"), entry("design_complete")]) == [entry("design_complete")]
