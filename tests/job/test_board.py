from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from humanoid.board import ORDER, activity_line, live_board, loud, status_table
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
    assert shortcomings(ROWS, [{"conflict_id": 1, "status": "resolved"}], BILL) == []


@pytest.mark.parametrize(
    ("rows", "conflicts", "bill", "found"),
    [
        (ROWS[:-1], [], BILL, ["integration is not complete"]),
        ([*ROWS[:-1], row("integration", state="over_budget")], [], BILL, ["integration is not"]),
        ([*ROWS[:-1], row("integration", within_budget=False)], [], BILL, ["is over its budget"]),
        (ROWS, [{"conflict_id": 3, "status": "open"}], BILL, ["conflict #3 is open"]),
        (ROWS, [], {}, ["there is no bill of materials"]),
    ],
)
def test_a_verdict_is_not_believed_without_looking(
    rows: list[dict[str, Any]], conflicts: list[dict[str, Any]], bill: Any, found: list[str]
) -> None:
    [only] = shortcomings(rows, conflicts, bill)
    assert found[0] in only


def test_subsystems_that_are_not_of_this_design_do_not_matter() -> None:
    other = row("gripper", state="designing", within_budget=None)
    assert shortcomings([*ROWS, other], [], BILL) == []


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


def test_what_only_the_database_cares_for_is_not_shown() -> None:
    assert loud([entry("started"), entry("design_complete")]) == [entry("design_complete")]
