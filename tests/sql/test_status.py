"""update_subsystem_status: merge, compare-and-set, and the guard of a lease."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sql.support import Api, Row


def update(api: Api, status: Row, subsystem: str = "skeleton", **arguments: Any) -> Row:
    written: Row = api.do(
        "update_subsystem_status",
        **{"subsystem": subsystem, "status": status, "execution_id": "run-1", **arguments},
    )
    return written


def test_absent_keys_keep_their_value_and_given_ones_replace_it(api: Api) -> None:
    update(api, {"state": "designing", "current_mass_kg": 12.5, "iteration": 1})
    row = update(api, {"current_cost_usd": 2400, "within_budget": True})
    assert row["workspace"] == api.workspace
    assert (row["state"], row["current_mass_kg"], row["current_cost_usd"]) == (
        "designing",
        12.5,
        2400,
    )
    assert (row["within_budget"], row["iteration"], row["last_execution_id"]) == (True, 1, "run-1")
    assert api.rows("subsystems", name="eq.skeleton") == [row]


def test_each_write_counts_the_version_up_by_one_and_moves_updated_at(api: Api) -> None:
    (first,) = api.rows("subsystems", name="eq.skeleton")
    rows = [first, *(update(api, {}) for _ in range(3))]
    assert [row["version"] for row in rows] == [1, 2, 3, 4]
    times = [row["updated_at"] for row in rows]
    assert times == sorted(set(times))
    assert {row["created_at"] for row in rows} == {first["created_at"]}


def test_unknown_keys_go_to_metadata_and_stay_until_null_removes_them(api: Api) -> None:
    update(api, {"bones": 6, "material": "aluminium"})
    assert update(api, {"joints": 10})["metadata"] == {
        "bones": 6,
        "material": "aluminium",
        "joints": 10,
    }
    assert update(api, {"bones": None})["metadata"] == {"material": "aluminium", "joints": 10}


def test_a_metadata_object_is_merged_key_by_key(api: Api) -> None:
    update(api, {"metadata": {"bones": 6, "joints": 10}})
    row = update(api, {"metadata": {"bones": None, "material": "steel"}})
    assert row["metadata"] == {"joints": 10, "material": "steel"}


def test_within_budget_is_found_out_by_the_database_whatever_is_sent(api: Api) -> None:
    for sent in (True, False, None):
        assert update(api, {"current_mass_kg": 15, "within_budget": sent})["within_budget"] is True
        assert update(api, {"current_mass_kg": 16, "within_budget": sent})["within_budget"] is False


def test_within_budget_is_unknown_where_nothing_limits_it(api: Api) -> None:
    api.do(
        "update_global_constraints",
        constraints={"total_mass_kg_max": None, "total_cost_usd_max": None},
        created_by="system_architect",
    )
    row = api.do(
        "update_subsystem_status", subsystem="tail", status={"within_budget": True},
        execution_id="run-1",
    )  # fmt: skip
    assert row["within_budget"] is None


def test_exact_numbers_stay_exact(api: Api) -> None:
    update(api, {"current_mass_kg": 0.1})
    assert api.sql(
        "select current_mass_kg = 0.1::numeric from subsystems where workspace = %s and name = %s",
        api.workspace,
        "skeleton",
    ) == [(True,)]


def test_a_whole_number_written_with_a_point_is_a_whole_number(api: Api) -> None:
    assert update(api, {"iteration": 2.0})["iteration"] == 2


def test_an_unknown_subsystem_is_made(api: Api) -> None:
    row = update(api, {"state": "designing"}, subsystem="gripper")
    assert (row["name"], row["state"], row["current_mass_kg"]) == ("gripper", "designing", 0)


def test_keys_that_the_database_owns_are_ignored(api: Api) -> None:
    owned = {
        "workspace": "elsewhere",
        "name": "skeleton",
        "last_execution_id": "x",
        "created_at": "1999-01-01T00:00:00Z",
        "updated_at": "1999-01-01T00:00:00Z",
    }
    row = update(api, owned)
    assert row["workspace"] == api.workspace
    assert row["metadata"] == {}
    assert row["last_execution_id"] == "run-1"
    assert row["created_at"] > "2000" < row["updated_at"]


def test_a_status_that_was_read_may_be_sent_back_as_it_is(api: Api) -> None:
    update(api, {"bones": 6, "state": "designing"})
    (read,) = api.rows("subsystems", name="eq.skeleton")
    written = update(api, read)
    changed = {key for key in read if read[key] != written[key]}
    assert changed == {"version", "updated_at"}


def test_a_status_with_an_old_version_is_refused_and_changes_nothing(api: Api) -> None:
    (read,) = api.rows("subsystems", name="eq.skeleton")
    update(api, {"state": "designing"})
    before = api.snapshot()
    detail = api.refused(
        "update_subsystem_status",
        "stale_version",
        subsystem="skeleton",
        status={**read, "state": "complete"},
        execution_id="run-2",
    )
    assert (detail["expected"], detail["actual"]) == (1, 2)
    assert api.snapshot() == before


def test_a_refused_status_does_not_make_an_unknown_subsystem(api: Api) -> None:
    before = api.snapshot()
    api.refused(
        "update_subsystem_status",
        "stale_version",
        subsystem="gripper",
        status={"version": 7},
        execution_id="run-1",
    )
    assert api.snapshot() == before


@pytest.mark.parametrize("token", [None, 1, 99], ids=lambda token: f"token {token}")
def test_another_execution_cannot_write_a_locked_subsystem(api: Api, token: int | None) -> None:
    lease = api.lock()
    before = api.snapshot()
    arguments: Row = {
        "subsystem": "skeleton",
        "status": {"state": "complete"},
        "execution_id": "run-2",
    }
    if token is None:
        detail = api.refused("update_subsystem_status", "resource_locked", **arguments)
        assert detail == {
            "resource_type": "subsystem",
            "resource_name": "skeleton",
            "locked_by": "skeleton_agent",
            "execution_id": "run-1",
            "expires_at": lease["expires_at"],
        }
        assert api.snapshot() == before
    elif token == lease["fencing_token"]:
        update(api, {"state": "complete"}, execution_id="run-2", fencing_token=token)
    else:
        detail = api.refused(
            "update_subsystem_status", "lease_lost", **arguments, fencing_token=token
        )
        assert detail["held_by"] == "skeleton_agent"
        assert api.snapshot() == before


def test_the_holder_writes_with_and_without_its_token(api: Api) -> None:
    token = api.lock()["fencing_token"]
    assert update(api, {})["version"] == 2
    assert update(api, {}, fencing_token=token)["version"] == 3


def test_a_lapsed_lease_cannot_write(api: Api) -> None:
    lease = api.lock()
    api.lapse(lease)
    before = api.snapshot()
    api.refused(
        "update_subsystem_status",
        "lease_lost",
        subsystem="skeleton",
        status={"state": "complete"},
        execution_id="run-1",
        fencing_token=lease["fencing_token"],
    )
    assert api.snapshot() == before


def test_an_old_token_cannot_write_although_the_same_execution_holds_a_new_lease(api: Api) -> None:
    old = api.lock()
    api.lapse(old)
    api.lock()
    api.refused(
        "update_subsystem_status",
        "lease_lost",
        subsystem="skeleton",
        status={"state": "complete"},
        execution_id="run-1",
        fencing_token=old["fencing_token"],
    )


def test_a_token_of_another_subsystem_cannot_write(api: Api) -> None:
    token = api.lock("power", "power_agent")["fencing_token"]
    api.refused(
        "update_subsystem_status",
        "lease_lost",
        subsystem="skeleton",
        status={"state": "complete"},
        execution_id="run-1",
        fencing_token=token,
    )


def test_a_lapsed_lease_stops_nobody_who_writes_without_a_token(api: Api) -> None:
    api.lapse(api.lock())
    assert update(api, {"state": "complete"}, execution_id="run-2")["state"] == "complete"


def test_a_lock_of_another_kind_does_not_guard_the_subsystem(api: Api) -> None:
    api.do(
        "acquire_lock",
        resource_type="document",
        resource_name="skeleton",
        agent_name="power_agent",
        execution_id="run-2",
    )
    assert update(api, {"state": "complete"})["state"] == "complete"


@pytest.mark.parametrize(
    ("locked", "agent"), [(True, "skeleton_agent"), (False, "run-1")], ids=["locked", "unlocked"]
)
def test_a_write_logs_itself_under_the_best_known_name(api: Api, locked: bool, agent: str) -> None:
    if locked:
        api.lock()
    row = update(api, {"state": "designing"})
    (entry,) = api.log("status_updated")
    assert (entry["agent_name"], entry["execution_id"]) == (agent, "run-1")
    assert entry["details"] == {
        "subsystem": "skeleton",
        "state": "designing",
        "version": row["version"],
    }
