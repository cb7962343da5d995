"""A resolution together with a transfer of budget: both are done, or neither."""

from __future__ import annotations

import uuid
from typing import Any

from tests.sql.support import Api, Row
from tests.sql.test_conflict_history import history
from tests.sql.test_conflicts import active, log, resolve

# Of the default design: the reserve has 2 kg and 500 USD.
TRANSFER = {"from_subsystem": "reserve", "to_subsystem": "skeleton", "mass_kg": 1.5}


def allocated(api: Api, name: str) -> Row:
    """The budget of a subsystem, in force."""
    (latest,) = api.rows("global_constraints", order="version.desc", limit="1")
    budget: Row = latest["budget_allocations"][name]
    return budget


def status(api: Api, mass_kg: float) -> Row:
    row: Row = api.do(
        "update_subsystem_status",
        subsystem="skeleton",
        status={"current_mass_kg": mass_kg},
        execution_id="run-1",
    )
    return row


def resolving(conflict_id: int, **transfer: Any) -> Row:
    return {
        "conflict_id": conflict_id,
        "resolution": "moved reserve",
        "resolved_by": "system_architect",
        "budget_transfer": {**TRANSFER, **transfer},
    }


def test_a_resolution_moves_budget_with_it(api: Api) -> None:
    log(api)
    before = allocated(api, "skeleton")["mass_kg"], allocated(api, "reserve")["mass_kg"]
    row = resolve(api, 1, budget_transfer=TRANSFER)
    assert row["status"] == "resolved"
    after = allocated(api, "skeleton")["mass_kg"], allocated(api, "reserve")["mass_kg"]
    assert after == (before[0] + 1.5, before[1] - 1.5)
    assert history(api)[-1]["details"] == {
        "resolution": "moved reserve",
        "budget_transfer": TRANSFER,
    }
    (moved,) = api.log("budget_transferred")
    assert (moved["agent_name"], moved["details"]["reason"]) == (
        "system_architect",
        "moved reserve",
    )


def test_a_transfer_that_is_refused_resolves_nothing(api: Api) -> None:
    log(api)
    before = api.snapshot()
    api.refused("resolve_conflict", "over_budget", **resolving(1, mass_kg=2.5))
    assert api.snapshot() == before
    detail = api.refused(
        "resolve_conflict", "invalid_argument", **resolving(1, to_subsystem="tail")
    )
    assert detail["value"] == "tail"
    assert api.snapshot() == before


def test_a_resolution_that_is_refused_moves_nothing(api: Api) -> None:
    log(api)
    resolve(api, 1)
    before = api.snapshot()
    api.refused("resolve_conflict", "conflict_already_resolved", **resolving(1))
    api.refused("resolve_conflict", "unknown_conflict", **resolving(2))
    assert api.snapshot() == before


def test_a_repeated_call_with_one_request_id_moves_budget_once(api: Api) -> None:
    log(api)
    request_id = str(uuid.uuid4())
    answers = [resolve(api, 1, budget_transfer=TRANSFER, request_id=request_id) for _ in range(2)]
    assert answers[0] == answers[1]
    assert allocated(api, "reserve")["mass_kg"] == 0.5


def test_the_conflict_about_an_overrun_is_resolved_by_who_moves_the_budget(api: Api) -> None:
    """And not by the database, which sees at the same time that the overrun has ended."""
    assert status(api, 16)["within_budget"] is False
    (number,) = active(api)
    row = resolve(api, number, budget_transfer=TRANSFER)
    assert (row["resolved_by"], row["resolution"]) == ("system_architect", "moved reserve")
    assert [event["event"] for event in history(api)] == ["opened", "resolved"]
    assert active(api) == []
    (skeleton,) = api.rows("subsystems", name="eq.skeleton")
    assert skeleton["within_budget"] is True


def test_a_transfer_to_another_subsystem_leaves_the_overrun_a_conflict(api: Api) -> None:
    status(api, 16)
    resolve(api, 1, budget_transfer={**TRANSFER, "to_subsystem": "shell"})
    assert active(api) == [2]


def test_a_number_as_a_subsystem_name_means_the_text_of_its_digits(api: Api) -> None:
    """Or the same subsystem could give to itself, and have more than before."""
    api.do("update_subsystem_status", subsystem="5", status={}, execution_id="run-1")
    log(api)
    same = {**TRANSFER, "from_subsystem": 5, "to_subsystem": "5", "mass_kg": 0, "power_w": 1}
    detail = api.refused("resolve_conflict", "invalid_argument", **resolving(1, **same))
    assert detail["reason"] == "goes to where it comes from"
