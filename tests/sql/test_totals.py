"""What the totals leave unallocated is shared by all to whom nothing is allocated, and a limit."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from tests.sql.support import Api, Row
from tests.sql.test_conflict_history import history
from tests.sql.test_overruns import allocate, conflicts, within

NONE: list[Row] = []


def use(api: Api, subsystem: str, mass_kg: float = 0, cost_usd: float = 0, **more: Any) -> Row:
    row: Row = api.do(
        "update_subsystem_status",
        subsystem=subsystem,
        status={"current_mass_kg": mass_kg, "current_cost_usd": cost_usd},
        execution_id="run-1",
        **more,
    )
    return row


def limit(api: Api, **totals: float | None) -> None:
    api.do("update_global_constraints", constraints=totals, created_by="system_architect")


def leave(api: Api, mass_kg: float) -> None:
    """So much is not allocated of the 45 kg; of the cost nothing is allocated, and nothing used."""
    allocate(api, {"skeleton": {"mass_kg": 15}, "reserve": {"mass_kg": 30 - mass_kg}})


def test_if_all_is_allocated_any_use_without_an_allocation_is_an_overrun(api: Api) -> None:
    """The default design allocates all of its 45 kg."""
    assert use(api, "integration", 100)["within_budget"] is False
    (conflict,) = conflicts(api)
    overrun = {"allocated": 0, "used": 100, "over": 100}
    assert conflict["details"] == {
        "scope": "robot",
        "subsystems": ["integration"],
        "overruns": {"mass_kg": overrun},
    }
    assert (conflict["source_agent"], conflict["target_agent"]) == ("robot", "system_architect")
    assert (conflict["severity"], conflict["priority"]) == ("high", 2)
    assert (conflict["conflict_key"], conflict["reports"]) == ("sharedstate:totals", 1)
    assert conflict["description"] == (
        "More is used without an allocation than the totals leave: mass_kg 100 of 0 (integration)"
    )


def test_a_strict_write_does_not_exceed_what_the_totals_leave(api: Api) -> None:
    leave(api, 5)
    use(api, "integration", 3)
    before = api.snapshot()
    detail = api.refused(
        "update_subsystem_status",
        "over_budget",
        subsystem="brand_new",
        status={"current_mass_kg": 2.5},
        execution_id="run-1",
        strict=True,
    )
    assert detail == {
        "scope": "robot",
        "subsystem": "brand_new",
        "overruns": {"mass_kg": {"allocated": 5, "used": 5.5, "over": 0.5}},
    }
    assert api.snapshot() == before
    assert use(api, "brand_new", 2, strict=True)["within_budget"] is True
    assert conflicts(api) == NONE


def test_a_strict_checkin_does_not_exceed_what_the_totals_leave(api: Api) -> None:
    checkin = {
        "subsystem": "integration",
        "agent_name": "integration_agent",
        "execution_id": "run-1",
        "fencing_token": api.lock("integration", "integration_agent")["fencing_token"],
        "status": {"current_mass_kg": 1},
    }
    api.refused("checkin_subsystem", "over_budget", **checkin, strict=True)
    row = api.do("checkin_subsystem", **checkin, request_id=str(uuid.uuid4()))
    assert row["status"]["within_budget"] is False
    assert len(conflicts(api)) == 1


def test_all_that_share_an_overrun_are_over_and_one_conflict_follows_it(api: Api) -> None:
    leave(api, 5)
    use(api, "integration", 3)
    use(api, "system_architect")
    use(api, "shell", 3)
    assert [within(api, name) for name in ("integration", "shell")] == [False, False]
    assert within(api, "system_architect") is True  # it uses nothing of it
    assert within(api, "skeleton") is not False
    use(api, "power", 1)
    (conflict,) = conflicts(api)
    assert conflict["details"]["subsystems"] == ["integration", "power", "shell"]
    assert conflict["details"]["overruns"]["mass_kg"]["over"] == 2
    use(api, "shell", 1)
    assert [within(api, name) for name in ("integration", "shell", "power")] == [True] * 3
    assert conflicts(api) == NONE
    (conflict,) = conflicts(api, "resolved")
    assert conflict["resolved_by"] == "sharedstate"
    assert [row["event"] for row in history(api)] == ["opened", "updated", "resolved"]
    assert {row["agent_name"] for row in history(api)} == {"sharedstate"}


def test_the_same_overrun_again_changes_nothing(api: Api) -> None:
    for _ in range(2):
        use(api, "integration", 3)
    (conflict,) = conflicts(api)
    assert conflict["reports"] == 1
    assert [row["event"] for row in history(api)] == ["opened"]


def test_each_quantity_has_a_limit_of_its_own(api: Api) -> None:
    allocate(api, {"shell": {"mass_kg": 40}, "reserve": {"cost_usd": 14_000}})
    use(api, "shell", 40, 1000)
    assert conflicts(api) == NONE
    use(api, "integration", 6, 1)
    (conflict,) = conflicts(api)
    assert conflict["details"]["overruns"] == {
        "mass_kg": {"allocated": 5, "used": 6, "over": 1},
        "cost_usd": {"allocated": 1000, "used": 1001, "over": 1},
    }
    assert conflict["details"]["subsystems"] == ["integration", "shell"]
    assert within(api, "shell") is False  # its cost has a part in it


def test_without_a_total_there_is_no_limit(api: Api) -> None:
    limit(api, total_mass_kg_max=None)
    assert use(api, "integration", 1000, strict=True)["within_budget"] is True
    assert use(api, "integration", 1000, 1)["within_budget"] is False
    limit(api, total_cost_usd_max=None)
    assert within(api, "integration") is None
    assert conflicts(api) == NONE


def test_a_status_without_amounts_keeps_within_budget_and_the_conflict(api: Api) -> None:
    use(api, "integration", 1)
    row = api.do(
        "update_subsystem_status",
        subsystem="integration",
        status={"state": "designing"},
        execution_id="run-1",
    )
    assert row["within_budget"] is False
    assert [row["event"] for row in history(api)] == ["opened"]


def test_one_write_that_ends_an_overrun_and_begins_another_does_both(api: Api) -> None:
    allocate(api, {"shell": {"mass_kg": 5}, "reserve": {"cost_usd": 15_000}})
    use(api, "shell", 6)
    use(api, "shell", 5, 1)
    assert [row["source_agent"] for row in conflicts(api)] == ["robot"]
    assert within(api, "shell") is False
    use(api, "shell", 6)
    assert [row["source_agent"] for row in conflicts(api)] == ["shell"]


def test_a_subsystem_that_is_named_robot_has_a_conflict_of_its_own(api: Api) -> None:
    allocate(api, {"robot": {"mass_kg": 1}})
    use(api, "robot", 2)
    use(api, "integration", 100)
    assert [row["conflict_key"] for row in conflicts(api)] == [
        "sharedstate:budget",
        "sharedstate:totals",
    ]
    use(api, "integration", 1)
    assert [row["conflict_key"] for row in conflicts(api)] == ["sharedstate:budget"]


# A change of allocations and totals


def test_an_allocation_of_what_others_use_without_one_is_an_overrun_of_the_robot(api: Api) -> None:
    leave(api, 5)
    use(api, "integration", 4)
    leave(api, 3)
    assert within(api, "integration") is False
    assert [row["source_agent"] for row in conflicts(api)] == ["robot"]
    leave(api, 4)
    assert within(api, "integration") is True
    assert conflicts(api) == NONE


def test_a_higher_total_ends_an_overrun(api: Api) -> None:
    use(api, "integration", 4)
    limit(api, total_mass_kg_max=49)
    assert within(api, "integration") is True
    assert conflicts(api) == NONE
    limit(api, total_mass_kg_max=48.9)
    assert within(api, "integration") is False


def test_a_new_total_updates_within_budget_of_every_subsystem(api: Api) -> None:
    limit(api, total_mass_kg_max=None, total_cost_usd_max=None)
    for name, mass in (("integration", 4), ("system_architect", 0)):
        assert use(api, name, mass)["within_budget"] is None
    limit(api, total_mass_kg_max=45)
    assert (within(api, "integration"), within(api, "system_architect")) == (False, True)
    assert [row["source_agent"] for row in conflicts(api)] == ["robot"]


def test_default_limits_apply_to_statuses_that_were_written_before_them(api: Api) -> None:
    bare = Api(api.http, api.stack, f"{api.workspace}-bare")
    bare.operate("init_workspace", workspace_name=bare.workspace, with_defaults=False)
    for name, mass in (("skeleton", 16), ("tail", 1), ("shell", 5)):
        assert use(bare, name, mass)["within_budget"] is None
    bare.operate("init_workspace", workspace_name=bare.workspace)
    assert [within(bare, name) for name in ("skeleton", "tail", "shell")] == [False, False, True]
    assert within(bare, "power") is None  # nobody has written it
    assert [row["source_agent"] for row in conflicts(bare)] == ["skeleton", "robot"]
    before = bare.snapshot()
    bare.operate("init_workspace", workspace_name=bare.workspace)
    assert bare.snapshot() == before


def test_a_subsystem_that_loses_its_allocation_uses_what_the_totals_leave(api: Api) -> None:
    use(api, "skeleton", 15)
    allocate(api, {"reserve": {"mass_kg": 40}})
    assert within(api) is False
    (conflict,) = conflicts(api)
    assert conflict["details"]["overruns"]["mass_kg"]["over"] == 10


def test_a_first_allocation_ends_an_overrun_of_the_robot(api: Api) -> None:
    use(api, "integration", 1.5)
    api.do(
        "resolve_conflict",
        conflict_id=1,
        resolution="from the reserve",
        resolved_by="system_architect",
        budget_transfer={"from_subsystem": "reserve", "to_subsystem": "integration", "mass_kg": 2},
    )
    assert within(api, "integration") is True
    assert conflicts(api) == NONE


@pytest.mark.parametrize("transfer", [None, {"mass_kg": 1}])
def test_a_resolution_that_changes_too_little_is_followed_by_the_next_conflict(
    api: Api, transfer: Row | None
) -> None:
    use(api, "integration", 1.5)
    if transfer is not None:
        use(api, "system_architect", 1)
        transfer |= {"from_subsystem": "reserve", "to_subsystem": "integration"}
    api.do(
        "resolve_conflict",
        conflict_id=1,
        resolution="later",
        resolved_by="system_architect",
        budget_transfer=transfer,
    )
    found = [(row["conflict_id"], row["source_agent"]) for row in conflicts(api)]
    assert found == ([(2, "robot")] if transfer is None else [(2, "integration"), (3, "robot")])
