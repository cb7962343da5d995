"""checkout_subsystem and checkin_subsystem: one round trip each, all or nothing."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from tests.sql.support import Api, Row


def checkout(api: Api, **arguments: Any) -> list[Row]:
    answer: list[Row] = api.do(
        "checkout_subsystem",
        **{
            "subsystem": "skeleton",
            "agent_name": "skeleton_agent",
            "execution_id": "run-1",
            **arguments,
        },
    )
    return answer


def checkin(lease: Row, **arguments: Any) -> Row:
    return {
        "subsystem": "skeleton",
        "agent_name": "skeleton_agent",
        "execution_id": "run-1",
        "fencing_token": lease["fencing_token"],
        "status": {"state": "complete", "current_mass_kg": 12.5},
        "interfaces": {"hip": {"x_mm": 90}},
        "design_data": {"bones": 6},
        **arguments,
    }


def test_a_checkout_brings_the_lease_and_all_that_its_holder_reads(api: Api) -> None:
    by: Row = {"subsystem": "skeleton", "created_by": "skeleton_agent"}
    for number in (1, 2):
        api.do("update_subsystem_requirements", requirements={"n": number}, **by)
        api.do("update_subsystem_interfaces", interfaces={"n": number}, **by)
        api.do("update_subsystem_design", design_data={"n": number}, **by)
        for other in ("power", "actuation"):
            api.do(
                "update_subsystem_interfaces",
                subsystem=other,
                interfaces={"n": number},
                created_by=f"{other}_agent",
            )
    mine = api.do(
        "log_conflict", severity="low", source="power", target="skeleton_agent", description="?"
    )
    api.do("log_conflict", severity="low", source="power", target="shell", description="?")
    (got,) = checkout(api, reads=["power", "actuation", "sensing", "power", "nobody"])
    assert got["lease"] == api.rows("agent_locks")[0]
    assert got["lease"]["resource_type"] == "subsystem"
    assert got["status"] == api.rows("subsystems", name="eq.skeleton")[0]
    assert (got["requirements"]["version"], got["requirements"]["requirements"]) == (2, {"n": 2})
    assert (got["interfaces"]["version"], got["interfaces"]["interfaces"]) == (2, {"n": 2})
    assert (got["design"]["version"], got["design"]["design_data"]) == (2, {"n": 2})
    assert got["constraints"] == api.rows("global_constraints")[0]
    inputs = [(row["subsystem_name"], row["version"]) for row in got["inputs"]]
    assert inputs == [("actuation", 2), ("power", 2)]
    assert got["conflicts"] == [mine]


def test_what_is_not_there_yet_is_null_or_empty(api: Api) -> None:
    (got,) = checkout(api, subsystem="gripper")
    assert got["lease"]["resource_name"] == "gripper"
    absent = {key: got[key] for key in ("status", "requirements", "interfaces", "design")}
    assert absent == dict.fromkeys(absent)
    assert (got["inputs"], got["conflicts"]) == ([], [])


def test_a_locked_subsystem_is_not_checked_out(api: Api) -> None:
    api.lock()
    before = api.snapshot()
    assert checkout(api, execution_id="run-2") == []
    assert api.snapshot() == before


def test_its_holder_checks_out_again_and_the_work_is_made_from_what_it_reads_now(api: Api) -> None:
    by: Row = {"subsystem": "power", "created_by": "power_agent"}
    api.do("update_subsystem_interfaces", interfaces={"n": 1}, **by)
    (got,) = checkout(api, reads=["power"], ttl_seconds=60)
    token = got["lease"]["fencing_token"]
    api.do("update_subsystem_interfaces", interfaces={"n": 2}, **by)
    (again,) = checkout(api, reads=["power"], ttl_seconds=600, fencing_token=token)
    assert again["lease"]["fencing_token"] == token
    assert again["lease"]["expires_at"] > got["lease"]["expires_at"]
    assert [row["version"] for row in again["inputs"]] == [2]
    assert api.do("checkin_subsystem", **checkin(again["lease"]))["released"]


def test_who_waited_for_the_lease_checks_out_under_it(api: Api) -> None:
    by: Row = {"subsystem": "power", "created_by": "power_agent"}
    api.do("update_subsystem_interfaces", interfaces={"n": 1}, **by)
    lease = api.lock(wait_seconds=5, request_id=str(uuid4()))
    assert lease["provisional"]
    (got,) = checkout(api, reads=["power"], fencing_token=lease["fencing_token"])
    assert not got["lease"]["provisional"]
    assert [row["version"] for row in got["inputs"]] == [1]


def test_a_checkout_under_a_lease_that_has_ended_is_refused(api: Api) -> None:
    (got,) = checkout(api)
    api.do(
        "release_lock",
        resource_type="subsystem",
        resource_name="skeleton",
        execution_id="run-1",
    )
    before = api.snapshot()
    token = got["lease"]["fencing_token"]
    run: Row = {"agent_name": "skeleton_agent", "execution_id": "run-1", "fencing_token": token}
    api.refused("checkout_subsystem", "lease_lost", subsystem="skeleton", **run)
    assert api.snapshot() == before


def test_a_checkin_writes_logs_and_releases(api: Api) -> None:
    (got,) = checkout(api)
    written = api.do(
        "checkin_subsystem",
        **checkin(got["lease"], activity="designed", details={"bones": 6, "version": 99}),
    )
    assert written["status"] == api.rows("subsystems", name="eq.skeleton")[0]
    assert (written["status"]["state"], written["status"]["current_mass_kg"]) == ("complete", 12.5)
    assert [written["interfaces"]] == api.rows("subsystem_interfaces")
    assert [written["design"]] == api.rows("subsystem_designs")
    assert written["released"] is True
    assert api.rows("agent_locks") == []
    (entry,) = api.log("designed")
    assert (entry["agent_name"], entry["execution_id"]) == ("skeleton_agent", "run-1")
    assert entry["details"] == {
        "subsystem": "skeleton",
        "state": "complete",
        "version": 2,
        "interfaces_version": 1,
        "design_version": 1,
        "current_mass_kg": 12.5,
        "current_cost_usd": 0,
        "current_power_w": 0,
        "bones": 6,
    }


def test_a_checkin_of_status_alone_writes_no_documents(api: Api) -> None:
    (got,) = checkout(api)
    written = api.do(
        "checkin_subsystem", **checkin(got["lease"], interfaces=None, design_data=None)
    )
    assert (written["interfaces"], written["design"]) == (None, None)
    assert api.rows("subsystem_interfaces") == api.rows("subsystem_designs") == []
    (entry,) = api.log("checked_in")
    assert entry["details"] == {
        "subsystem": "skeleton",
        "state": "complete",
        "version": 2,
        "current_mass_kg": 12.5,
        "current_cost_usd": 0,
        "current_power_w": 0,
    }


def test_a_checkin_may_keep_the_lease(api: Api) -> None:
    (got,) = checkout(api)
    written = api.do("checkin_subsystem", **checkin(got["lease"], release=False))
    assert written["released"] is False
    assert api.rows("agent_locks") == [got["lease"]]
    assert api.do("checkin_subsystem", **checkin(got["lease"]))["released"] is True


@pytest.mark.parametrize("release", [True, False])
@pytest.mark.parametrize("ended", ["lapsed", "taken over", "released", "forced", "never held"])
def test_a_checkin_without_a_living_lease_changes_nothing(
    api: Api, ended: str, release: bool
) -> None:
    lease: Row = {"fencing_token": 1}
    if ended != "never held":
        lease = checkout(api)[0]["lease"]
    resource = {"resource_type": "subsystem", "resource_name": "skeleton"}
    if ended in ("lapsed", "taken over"):
        api.lapse(lease)
    if ended == "taken over":
        checkout(api, agent_name="power_agent", execution_id="run-2")
    if ended == "released":
        api.do("release_lock", execution_id="run-1", **resource)
    if ended == "forced":
        api.operate("force_release_lock", released_by="op", reason="test", **resource)
    before = api.snapshot()
    detail = api.refused("checkin_subsystem", "lease_lost", **checkin(lease, release=release))
    assert detail["held_by"] == ("power_agent" if ended == "taken over" else None)
    assert api.snapshot() == before


def test_a_stale_status_in_a_checkin_undoes_all_of_it_and_keeps_the_lease(api: Api) -> None:
    (got,) = checkout(api)
    before = api.snapshot()
    api.refused(
        "checkin_subsystem", "stale_version", **checkin(got["lease"], status={"version": 99})
    )
    assert api.snapshot() == before


def test_a_checked_out_status_may_be_sent_back_as_it_is(api: Api) -> None:
    (got,) = checkout(api)
    status = {**got["status"], "state": "complete"}
    assert (
        api.do("checkin_subsystem", **checkin(got["lease"], status=status))["status"]["version"]
        == got["status"]["version"] + 1
    )
