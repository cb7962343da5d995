"""transfer_budget: a part of one budget becomes a part of another, and nothing gets lost."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sql.support import Api, Row

from sharedstate_ops.stack.keys import make_token

REASON = {"reason": "longer bones", "agent_name": "system_architect", "execution_id": "run-1"}
QUANTITIES = ("mass_kg", "cost_usd", "power_w")


def move(api: Api, source: str, target: str, **arguments: Any) -> Row:
    row: Row = api.do(
        "transfer_budget", from_subsystem=source, to_subsystem=target, **{**REASON, **arguments}
    )
    return row


def refused(api: Api, source: str, target: str, **arguments: Any) -> Row:
    """The detail of a transfer that is over budget and changes nothing."""
    before = api.snapshot()
    detail = api.refused(
        "transfer_budget",
        "over_budget",
        from_subsystem=source,
        to_subsystem=target,
        **{**REASON, **arguments},
    )
    assert api.snapshot() == before
    return detail


def hold(api: Api, subsystem: str, execution_id: str, **amounts: Any) -> Row:
    ((row),) = api.do(
        "reserve_budget", subsystem=subsystem, agent_name="a", execution_id=execution_id, **amounts
    )
    found: Row = row
    return found


def allocated(api: Api) -> Row:
    (row,) = api.rows("global_constraints", order="version.desc", limit="1")
    found: Row = row["budget_allocations"]
    return found


def sums(api: Api) -> list[float]:
    return [sum(each.get(name, 0) for each in allocated(api).values()) for name in QUANTITIES]


def test_a_transfer_is_the_next_version_and_keeps_the_sum(api: Api) -> None:
    before = sums(api)
    row = move(api, "reserve", "skeleton", mass_kg=0.5, cost_usd=100)
    assert (row["version"], row["base_version"], row["created_by"]) == (2, 1, "system_architect")
    assert row["budget_allocations"] == allocated(api)
    assert allocated(api)["skeleton"] == {"mass_kg": 15.5, "cost_usd": 3100}
    assert allocated(api)["reserve"] == {"mass_kg": 1.5, "cost_usd": 400}
    assert sums(api) == before


def test_a_transfer_may_move_a_whole_budget(api: Api) -> None:
    move(api, "reserve", "shell", mass_kg=2)
    assert allocated(api)["reserve"]["mass_kg"] == 0
    move(api, "shell", "reserve", mass_kg=7)
    assert allocated(api)["shell"]["mass_kg"] == 0


def test_a_transfer_allocates_a_quantity_that_was_not_allocated_before(api: Api) -> None:
    move(api, "actuation", "skeleton", power_w=20)
    assert allocated(api)["skeleton"] == {"mass_kg": 15, "cost_usd": 3000, "power_w": 20}


def used(api: Api, subsystem: str, **amounts: float) -> None:
    status = {f"current_{name}": amount for name, amount in amounts.items()}
    api.do("update_subsystem_status", subsystem=subsystem, status=status, execution_id="run-2")


@pytest.mark.parametrize(
    ("reserve", "used_kg", "began_kg"),
    [
        (30, 5, 5),  # 15 kg are not allocated
        (42, 5, 3),  # 3 kg are not allocated
        (45, 5, 0),
    ],
)
def test_a_first_allocation_begins_with_what_is_used_as_far_as_the_totals_leave_it(
    api: Api, reserve: float, used_kg: float, began_kg: float
) -> None:
    """Or a gift of 1 kg would be an overrun by 4 kg."""
    limits = {"budget_allocations": {"reserve": {"mass_kg": reserve}}}
    api.do("update_global_constraints", constraints=limits, created_by="system_architect")
    used(api, "gripper", mass_kg=used_kg)
    move(api, "reserve", "gripper", mass_kg=1)
    assert allocated(api) == {
        "reserve": {"mass_kg": reserve - 1},
        "gripper": {"mass_kg": began_kg + 1},
    }
    (row,) = api.rows("subsystems", name="eq.gripper")
    assert row["within_budget"] is (used_kg <= began_kg + 1)


def test_a_first_allocation_takes_nothing_that_others_use(api: Api) -> None:
    limits = {"budget_allocations": {"reserve": {"mass_kg": 40}}}
    api.do("update_global_constraints", constraints=limits, created_by="system_architect")
    used(api, "gripper", mass_kg=3)
    used(api, "tail", mass_kg=3)
    move(api, "reserve", "gripper", mass_kg=1)
    assert allocated(api)["gripper"] == {"mass_kg": 3}
    conflicts = api.rows("conflicts", status="eq.open")
    assert conflicts == []  # 3 of 3 kg, and the tail has the 3 kg that are left


def test_a_first_allocation_of_power_begins_with_what_is_used(api: Api) -> None:
    """Of power there is no total."""
    used(api, "skeleton", power_w=30)
    move(api, "actuation", "skeleton", power_w=20)
    assert allocated(api)["skeleton"]["power_w"] == 50


# Amounts as programs compute them


def test_amounts_are_rounded_to_a_millionth(api: Api) -> None:
    move(api, "reserve", "skeleton", mass_kg=0.1 + 0.2, cost_usd=1e-7 + 100)
    assert allocated(api)["skeleton"] == {"mass_kg": 15.3, "cost_usd": 3100}
    assert allocated(api)["reserve"] == {"mass_kg": 1.7, "cost_usd": 400}
    (entry,) = api.log("budget_transferred")
    assert entry["details"]["amounts"] == {"mass_kg": 0.3, "cost_usd": 100, "power_w": 0}


def test_all_that_was_moved_in_parts_can_be_moved_back(api: Api) -> None:
    for _ in range(3):
        move(api, "reserve", "skeleton", mass_kg=0.1)
    move(api, "skeleton", "reserve", mass_kg=15 + 0.1 + 0.1 + 0.1)  # 15.299999999999999
    assert (allocated(api)["skeleton"]["mass_kg"], allocated(api)["reserve"]["mass_kg"]) == (0, 17)


def test_a_transfer_of_less_than_a_millionth_is_refused(api: Api) -> None:
    detail = api.refused(
        "transfer_budget",
        "invalid_argument",
        from_subsystem="reserve",
        to_subsystem="power",
        mass_kg=4e-7,
        **REASON,
    )
    assert detail["argument"] == "mass_kg"


# Who does it


def test_a_transfer_without_an_agent_is_done_by_its_execution(api: Api) -> None:
    call = {"from_subsystem": "reserve", "to_subsystem": "shell", "mass_kg": 1, "reason": "why"}
    row = api.do("transfer_budget", **call, execution_id="run-7")
    assert row["created_by"] == "run-7"
    (entry,) = api.log("budget_transferred")
    assert (entry["agent_name"], entry["execution_id"]) == ("run-7", "run-7")
    detail = api.refused("transfer_budget", "invalid_argument", **call)
    assert detail["argument"] == "agent_name"


def test_a_token_that_names_its_agent_says_who_does_a_transfer(api: Api) -> None:
    key = make_token(
        api.stack.jwt_secret, "authenticated", workspace=api.workspace, agent="judge", ttl=60
    )
    call = {"from_subsystem": "reserve", "to_subsystem": "shell", "mass_kg": 1, "reason": "why"}
    row = api.do("transfer_budget", **call, execution_id="run-7", key=key)
    assert row["created_by"] == "judge"


def test_a_transfer_needs_a_reason(api: Api) -> None:
    call = {"from_subsystem": "reserve", "to_subsystem": "shell", "mass_kg": 1, "agent_name": "x"}
    assert api.refused("transfer_budget", "invalid_argument", **call)["argument"] == "reason"


def test_a_transfer_of_more_than_is_allocated_is_refused(api: Api) -> None:
    detail = refused(api, "reserve", "skeleton", mass_kg=2.5, cost_usd=100)
    assert detail["subsystem"] == "reserve"
    assert detail["overruns"] == {"mass_kg": {"allocated": 2, "used": 2.5, "over": 0.5}}


def test_what_was_never_allocated_cannot_be_moved(api: Api) -> None:
    assert refused(api, "skeleton", "power", power_w=1)["overruns"]["power_w"]["allocated"] == 0
    assert refused(api, "integration", "power", mass_kg=1)["overruns"]["mass_kg"]["allocated"] == 0


@pytest.mark.parametrize("argument", ["from_subsystem", "to_subsystem"])
def test_a_transfer_from_or_to_an_unknown_name_is_refused(api: Api, argument: str) -> None:
    before = api.snapshot()
    names = {"from_subsystem": "reserve", "to_subsystem": "power", argument: "skelleton"}
    detail = api.refused("transfer_budget", "invalid_argument", **names, mass_kg=1, **REASON)
    assert (detail["argument"], detail["value"]) == (argument, "skelleton")
    assert api.snapshot() == before


def test_a_transfer_updates_within_budget_of_both_subsystems(api: Api) -> None:
    for subsystem, mass in (("skeleton", 16), ("shell", 5)):
        api.do(
            "update_subsystem_status",
            subsystem=subsystem,
            status={"current_mass_kg": mass},
            execution_id="run-1",
        )
    move(api, "shell", "skeleton", mass_kg=1)
    within = {row["name"]: row["within_budget"] for row in api.rows("subsystems")}
    assert (within["skeleton"], within["shell"]) == (True, False)
    conflicts = api.rows("conflicts", order="conflict_id")
    assert [(row["source_agent"], row["status"]) for row in conflicts] == [
        ("skeleton", "resolved"),
        ("shell", "open"),
    ]


def test_a_transfer_logs_itself_with_its_reason(api: Api) -> None:
    move(api, "reserve", "shell", mass_kg=0.5)
    (entry,) = api.log("budget_transferred")
    assert (entry["agent_name"], entry["execution_id"]) == ("system_architect", "run-1")
    assert entry["details"] == {
        "from_subsystem": "reserve",
        "to_subsystem": "shell",
        "amounts": {"mass_kg": 0.5, "cost_usd": 0, "power_w": 0},
        "reason": "longer bones",
        "constraints_version": 2,
    }


# What is held


@pytest.mark.parametrize("moved", [1.5, 2])
def test_a_transfer_never_takes_what_another_execution_holds(api: Api, moved: float) -> None:
    hold(api, "reserve", "run-2", mass_kg=1)
    overrun = refused(api, "reserve", "shell", mass_kg=moved)["overruns"]["mass_kg"]
    assert overrun == {"allocated": 2, "used": moved, "held": 1, "over": moved - 1}
    move(api, "reserve", "shell", mass_kg=1)


def test_a_transfer_leaves_what_is_used_of_a_budget_with_reservations(api: Api) -> None:
    """Or it would hold something that is not there."""
    api.do(
        "update_subsystem_status",
        subsystem="shell",
        status={"current_mass_kg": 4},
        execution_id="run-2",
    )
    hold(api, "shell", "run-2", mass_kg=1)
    refused(api, "shell", "reserve", mass_kg=0.5)


def test_a_transfer_spends_what_its_own_execution_holds(api: Api) -> None:
    hold(api, "reserve", "run-1", mass_kg=1, cost_usd=10)
    hold(api, "reserve", "run-2", mass_kg=1)
    move(api, "reserve", "shell", mass_kg=1)
    held = {row["execution_id"]: row for row in api.rows("budget_reservations")}
    assert (held["run-1"]["mass_kg"], held["run-1"]["cost_usd"]) == (0, 10)
    assert held["run-2"]["mass_kg"] == 1


def test_a_reservation_that_is_named_ends_with_the_transfer(api: Api) -> None:
    named = hold(api, "reserve", "run-1", mass_kg=1)["reservation_id"]
    other = hold(api, "reserve", "run-1", mass_kg=1)["reservation_id"]
    move(api, "reserve", "shell", mass_kg=0.5, reservation_id=named)
    (left,) = api.rows("budget_reservations")
    assert (left["reservation_id"], left["mass_kg"]) == (other, 1)


@pytest.mark.parametrize("why", ["released", "another execution", "another budget", "unknown"])
def test_a_transfer_from_a_reservation_it_cannot_use_is_refused(api: Api, why: str) -> None:
    held = hold(
        api,
        "shell" if why == "another budget" else "reserve",
        "run-2" if why == "another execution" else "run-1",
        mass_kg=1,
    )
    named = held["reservation_id"]
    if why == "released":
        api.do("release_budget", reservation_id=named, execution_id="run-1")
    if why == "unknown":
        named = "00000000-0000-0000-0000-000000000001"
    before = api.snapshot()
    detail = api.refused(
        "transfer_budget",
        "reservation_lost",
        from_subsystem="reserve",
        to_subsystem="power",
        mass_kg=1,
        reservation_id=named,
        **REASON,
    )
    assert detail == {"reservation_id": named, "subsystem": "reserve"}
    assert api.snapshot() == before


def test_new_allocations_never_take_what_is_reserved(api: Api) -> None:
    hold(api, "skeleton", "run-2", mass_kg=4)
    before = api.snapshot()
    for skeleton in ({"mass_kg": 3}, {}, None):
        allocations = {"skeleton": skeleton} if skeleton is not None else {}
        detail = api.refused(
            "update_global_constraints",
            "over_budget",
            constraints={"budget_allocations": allocations},
            created_by="system_architect",
        )
        assert detail["subsystem"] == "skeleton"
        assert detail["overruns"]["mass_kg"]["held"] == 4
    assert api.snapshot() == before
    for mass in (4, 20):
        allocations = {"skeleton": {"mass_kg": mass, "cost_usd": 3000}}
        api.do(
            "update_global_constraints",
            constraints={"budget_allocations": allocations},
            created_by="system_architect",
        )
