"""What a status does to the budget: within_budget, one conflict while it is over, and strict."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sql.support import Api, Row

MASS_OF_SKELETON = 15
NONE: list[Row] = []


def use(api: Api, mass_kg: float, subsystem: str = "skeleton", **arguments: Any) -> Row:
    row: Row = api.do(
        "update_subsystem_status",
        subsystem=subsystem,
        status={"current_mass_kg": mass_kg},
        execution_id="run-1",
        **arguments,
    )
    return row


def allocate(api: Api, allocations: Row, **arguments: Any) -> None:
    api.do(
        "update_global_constraints",
        constraints={"budget_allocations": allocations},
        created_by="system_architect",
        **arguments,
    )


def without_totals(api: Api) -> None:
    api.do(
        "update_global_constraints",
        constraints={"total_mass_kg_max": None, "total_cost_usd_max": None},
        created_by="system_architect",
    )


def conflicts(api: Api, status: str = "open") -> list[Row]:
    return api.rows("conflicts", status=f"eq.{status}", order="conflict_id")


def within(api: Api, subsystem: str = "skeleton") -> bool | None:
    (row,) = api.rows("subsystems", name=f"eq.{subsystem}")
    answer: bool | None = row["within_budget"]
    return answer


def events(api: Api, conflict_id: int) -> list[str]:
    return [row["event"] for row in api.do("get_conflict_history", conflict_id=conflict_id)]


def test_a_status_that_uses_all_of_its_budget_is_within_it(api: Api) -> None:
    assert use(api, MASS_OF_SKELETON)["within_budget"] is True
    assert conflicts(api) == NONE


def test_a_subsystem_that_nothing_limits_is_neither_within_nor_over(api: Api) -> None:
    without_totals(api)
    assert use(api, 99, "system_architect")["within_budget"] is None
    assert use(api, 99, "brand_new")["within_budget"] is None
    allocate(api, {"skeleton": {"colour": "red"}})
    assert use(api, 99)["within_budget"] is None
    assert conflicts(api) == NONE


def test_power_that_is_not_allocated_has_no_limit(api: Api) -> None:
    """The default skeleton has no budget of it, and the robot no total."""
    row = api.do(
        "update_subsystem_status",
        subsystem="skeleton",
        status={"current_power_w": 1000},
        execution_id="run-1",
    )
    assert row["within_budget"] is True


def test_an_overrun_opens_one_conflict_to_the_architect(api: Api) -> None:
    assert use(api, 15.5)["within_budget"] is False
    (conflict,) = conflicts(api)
    overruns = {"mass_kg": {"allocated": 15, "used": 15.5, "over": 0.5}}
    assert conflict["details"] == {"subsystem": "skeleton", "overruns": overruns}
    assert conflict["description"] == "skeleton is over its budget: mass_kg 15.5 of 15"
    assert (conflict["source_agent"], conflict["target_agent"]) == ("skeleton", "system_architect")
    assert (conflict["severity"], conflict["priority"]) == ("high", 2)
    assert (conflict["conflict_key"], conflict["reports"]) == ("sharedstate:budget", 1)
    assert conflict["execution_id"] == "run-1"


def test_conflicts_that_the_database_opens_are_logged_as_sharedstate(api: Api) -> None:
    use(api, 15.5)
    use(api, 16)
    use(api, 15)
    history = api.do("get_conflict_history", conflict_id=1)
    assert [(row["event"], row["agent_name"]) for row in history] == [
        ("opened", "sharedstate"),
        ("updated", "sharedstate"),
        ("resolved", "sharedstate"),
    ]
    logged = api.log("conflict_created", "conflict_updated", "conflict_resolved")
    assert {entry["agent_name"] for entry in logged} == {"sharedstate"}


def test_the_conflict_follows_the_overrun_and_is_not_counted_again(api: Api) -> None:
    use(api, 16)
    use(api, 16)
    use(api, 17)
    (conflict,) = conflicts(api)
    assert conflict["details"]["overruns"]["mass_kg"]["over"] == 2
    assert conflict["reports"] == 1
    assert events(api, conflict["conflict_id"]) == ["opened", "updated"]


def test_the_conflict_is_resolved_by_the_database_when_the_overrun_ends(api: Api) -> None:
    use(api, 16)
    assert use(api, 15)["within_budget"] is True
    assert conflicts(api) == NONE
    (conflict,) = conflicts(api, "resolved")
    assert conflict["resolved_by"] == "sharedstate"
    assert "within its budget again" in conflict["resolution"]
    assert events(api, 1) == ["opened", "resolved"]


def test_the_next_overrun_is_another_conflict(api: Api) -> None:
    use(api, 16)
    use(api, 15)
    use(api, 16)
    assert [conflict["conflict_id"] for conflict in conflicts(api)] == [2]


def test_a_conflict_that_was_resolved_by_hand_opens_anew_while_the_overrun_lasts(api: Api) -> None:
    use(api, 16)
    api.do("resolve_conflict", conflict_id=1, resolution="later", resolved_by="system_architect")
    assert [conflict["conflict_id"] for conflict in conflicts(api)] == [2]


def test_a_reassigned_conflict_is_resolved_as_well(api: Api) -> None:
    use(api, 16)
    api.do(
        "reassign_conflict",
        conflict_id=1,
        target_agent="power_agent",
        agent_name="system_architect",
        reason="power has the mass",
    )
    use(api, 15)
    assert conflicts(api) == NONE


def test_each_subsystem_has_a_conflict_of_its_own(api: Api) -> None:
    use(api, 16)
    use(api, 6, "shell")
    assert [conflict["source_agent"] for conflict in conflicts(api)] == ["skeleton", "shell"]
    use(api, 5, "shell")
    assert [conflict["source_agent"] for conflict in conflicts(api)] == ["skeleton"]


def test_a_checkin_opens_and_resolves_the_conflict_too(api: Api) -> None:
    for mass, count in ((16, 1), (14, 0)):
        token = api.lock()["fencing_token"]
        api.do(
            "checkin_subsystem",
            subsystem="skeleton",
            agent_name="skeleton_agent",
            execution_id="run-1",
            fencing_token=token,
            status={"current_mass_kg": mass},
        )
        assert len(conflicts(api)) == count


def test_an_imported_overrun_opens_its_conflict_with_the_next_status_that_tells_of_it(
    api: Api,
) -> None:
    subsystems = [{"name": "skeleton", "current_mass_kg": 16, "within_budget": True}]
    api.operate("import_state", document={"format": "sharedstate/1", "subsystems": subsystems})
    assert within(api) is False
    assert conflicts(api) == NONE
    use(api, 16)
    (conflict,) = conflicts(api)
    assert conflict["source_agent"] == "skeleton"


# A change of allocations


def test_new_allocations_update_within_budget_and_conflicts(api: Api) -> None:
    use(api, 10)
    use(api, 5, "shell")
    allocate(api, {"skeleton": {"mass_kg": 9}, "shell": {"mass_kg": 5}})
    assert (within(api), within(api, "shell")) == (False, True)
    assert [conflict["source_agent"] for conflict in conflicts(api)] == ["skeleton"]
    allocate(api, {"skeleton": {"mass_kg": 10}, "shell": {"mass_kg": 4}})
    assert (within(api), within(api, "shell")) == (True, False)
    assert [conflict["source_agent"] for conflict in conflicts(api)] == ["shell"]
    allocate(api, {})
    assert (within(api), within(api, "shell")) == (True, True)
    assert conflicts(api) == NONE
    without_totals(api)
    assert (within(api), within(api, "shell")) == (None, None)


def test_new_allocations_do_not_change_the_version_of_a_status(api: Api) -> None:
    """Whoever is about to write a status that it read has nothing to read again."""
    version = use(api, 10)["version"]
    allocate(api, {"skeleton": {"mass_kg": 9}})
    (row,) = api.rows("subsystems", name="eq.skeleton")
    assert (row["version"], row["within_budget"]) == (version, False)


def test_a_change_of_constraints_without_budgets_leaves_conflicts_alone(api: Api) -> None:
    use(api, 16)
    api.do("update_global_constraints", constraints={"height_m": 2}, created_by="system_architect")
    assert events(api, 1) == ["opened"]


# Strict


def test_a_strict_write_over_budget_is_refused_and_opens_no_conflict(api: Api) -> None:
    use(api, 14)
    before = api.snapshot()
    detail = api.refused(
        "update_subsystem_status",
        "over_budget",
        subsystem="skeleton",
        status={"current_mass_kg": 16, "current_cost_usd": 3100},
        execution_id="run-1",
        strict=True,
    )
    assert detail == {
        "subsystem": "skeleton",
        "overruns": {
            "mass_kg": {"allocated": 15, "used": 16, "over": 1},
            "cost_usd": {"allocated": 3000, "used": 3100, "over": 100},
        },
    }
    assert api.snapshot() == before


def test_a_strict_checkin_over_budget_changes_nothing_and_keeps_the_lease(api: Api) -> None:
    token = api.lock()["fencing_token"]
    before = api.snapshot()
    api.refused(
        "checkin_subsystem",
        "over_budget",
        subsystem="skeleton",
        agent_name="skeleton_agent",
        execution_id="run-1",
        fencing_token=token,
        status={"current_mass_kg": 16},
        design_data={"bones": 6},
        strict=True,
    )
    assert api.snapshot() == before


@pytest.mark.parametrize("subsystem", ["skeleton", "system_architect"])
def test_a_strict_write_within_budget_or_without_a_limit_is_written(
    api: Api, subsystem: str
) -> None:
    without_totals(api)
    assert use(api, 15, subsystem, strict=True)["current_mass_kg"] == 15


def test_a_strict_write_does_not_take_what_another_execution_holds(api: Api) -> None:
    held = {"agent_name": "a", "execution_id": "run-2", "mass_kg": 2}
    api.do("reserve_budget", subsystem="skeleton", **held)
    detail = api.refused(
        "update_subsystem_status",
        "over_budget",
        subsystem="skeleton",
        status={"current_mass_kg": 13.5},
        execution_id="run-1",
        strict=True,
    )
    overrun = {"allocated": 15, "used": 13.5, "held": 2, "over": 0.5}
    assert detail["overruns"] == {"mass_kg": overrun}
    assert use(api, 13, strict=True)["within_budget"] is True


def test_a_write_that_is_not_strict_may_take_what_others_hold_and_the_log_tells_it(
    api: Api,
) -> None:
    held = {"agent_name": "a", "execution_id": "run-2", "mass_kg": 2}
    api.do("reserve_budget", subsystem="skeleton", **held)
    use(api, 13)
    assert api.log("budget_hold_overrun") == NONE
    assert use(api, 14)["within_budget"] is True
    assert conflicts(api) == NONE
    (entry,) = api.log("budget_hold_overrun")
    assert (entry["agent_name"], entry["execution_id"]) == ("sharedstate", "run-1")
    overrun = {"allocated": 15, "used": 14, "held": 2, "over": 1}
    assert entry["details"] == {"subsystem": "skeleton", "overruns": {"mass_kg": overrun}}


def test_each_write_that_takes_more_of_what_others_hold_is_logged_once(api: Api) -> None:
    held = {"agent_name": "a", "execution_id": "run-2", "mass_kg": 2, "cost_usd": 10}
    api.do("reserve_budget", subsystem="skeleton", **held)
    for mass in (14, 14, 13.5, 13.75):
        use(api, mass)
    taken = [entry["details"]["overruns"] for entry in api.log("budget_hold_overrun")]
    assert [(list(one), one["mass_kg"]["used"]) for one in taken] == [
        (["mass_kg"], 14),
        (["mass_kg"], 13.75),
    ]


def test_using_what_the_same_execution_reserved_logs_no_hold_overrun(api: Api) -> None:
    held = {"agent_name": "a", "execution_id": "run-1", "mass_kg": 15}
    api.do("reserve_budget", subsystem="skeleton", **held)
    use(api, 15)
    assert api.log("budget_hold_overrun") == NONE
