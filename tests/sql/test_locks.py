"""Leases: one holder, fencing tokens that only grow, and the database's clock alone."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from tests.sql.support import Api, Row


def acquire(api: Api, **arguments: Any) -> list[Row]:
    granted: list[Row] = api.do(
        "acquire_lock",
        **{
            "resource_type": "subsystem",
            "resource_name": "skeleton",
            "agent_name": "power_agent",
            "execution_id": "run-2",
            **arguments,
        },
    )
    return granted


def release(api: Api, **arguments: Any) -> list[Row]:
    released: list[Row] = api.do(
        "release_lock",
        **{
            "resource_type": "subsystem",
            "resource_name": "skeleton",
            "execution_id": "run-1",
            **arguments,
        },
    )
    return released


def test_a_free_resource_is_granted_with_all_that_its_holder_needs(api: Api) -> None:
    request_id = str(uuid.uuid4())
    lease = api.lock(ttl_seconds=60, request_id=request_id)
    assert lease["workspace"] == api.workspace
    assert (lease["resource_type"], lease["resource_name"]) == ("subsystem", "skeleton")
    assert (lease["locked_by"], lease["execution_id"]) == ("skeleton_agent", "run-1")
    assert (lease["fencing_token"], lease["ttl_seconds"]) == (1, 60)
    assert lease["request_id"] == request_id
    assert api.rows("agent_locks") == [lease]


def test_the_time_to_live_is_300_seconds_unless_asked_otherwise(api: Api) -> None:
    lease = api.lock()
    ((seconds,),) = api.sql(
        "select extract(epoch from %s::timestamptz - %s::timestamptz)",
        lease["expires_at"],
        lease["locked_at"],
    )
    assert float(seconds) == pytest.approx(300, abs=0.1)
    assert lease["ttl_seconds"] == 300


def test_a_held_resource_is_refused_and_nothing_changes(api: Api) -> None:
    lease = api.lock()
    assert acquire(api) == []
    assert api.rows("agent_locks") == [lease]


def test_a_lease_is_not_reentrant_for_its_holder(api: Api) -> None:
    api.lock()
    assert acquire(api, agent_name="skeleton_agent", execution_id="run-1") == []


@pytest.mark.parametrize(
    "other", [{"resource_name": "power"}, {"resource_type": "document"}], ids=str
)
def test_a_lock_does_not_block_another_type_or_name(api: Api, other: Row) -> None:
    api.lock()
    (lease,) = acquire(api, **other)
    assert lease["fencing_token"] == 1


def test_a_released_lease_is_free_and_its_row_comes_back(api: Api) -> None:
    lease = api.lock()
    assert release(api) == [lease]
    assert api.rows("agent_locks") == []
    assert acquire(api)[0]["fencing_token"] == lease["fencing_token"] + 1


def test_releasing_what_is_not_held_answers_nothing(api: Api) -> None:
    assert release(api) == []


@pytest.mark.parametrize("wrong", [{"execution_id": "run-2"}, {"fencing_token": 2}], ids=str)
def test_a_lease_of_somebody_else_is_not_released(api: Api, wrong: Row) -> None:
    lease = api.lock()
    assert release(api, **wrong) == []
    assert api.rows("agent_locks") == [lease]


def test_an_old_token_does_not_release_the_new_lease_of_the_same_execution(api: Api) -> None:
    old = api.lock()
    release(api)
    new = api.lock()
    assert release(api, fencing_token=old["fencing_token"]) == []
    assert release(api, fencing_token=new["fencing_token"]) == [new]


def test_a_lapsed_lease_is_taken_over_and_the_loss_is_logged(api: Api) -> None:
    lease = api.lock()
    assert acquire(api) == []
    api.lapse(lease)
    (taken,) = acquire(api)
    assert taken["fencing_token"] == lease["fencing_token"] + 1
    assert taken["locked_by"] == "power_agent"
    (entry,) = api.log("lock_lost")
    assert (entry["agent_name"], entry["execution_id"]) == ("skeleton_agent", "run-1")
    assert entry["details"]["fencing_token"] == lease["fencing_token"]


def test_releasing_a_lapsed_lease_answers_nothing_frees_it_and_logs_the_loss(api: Api) -> None:
    api.lapse(api.lock())
    assert release(api) == []
    assert api.rows("agent_locks") == []
    assert len(api.log("lock_lost")) == 1


def test_grants_and_releases_are_not_logged(api: Api) -> None:
    before = api.log()
    api.lock()
    acquire(api)
    release(api)
    assert api.log() == before


def test_tokens_grow_over_release_lapse_force_and_deletion(api: Api) -> None:
    tokens = [api.lock()["fencing_token"]]
    release(api)
    tokens.append(api.lock()["fencing_token"])
    api.lapse(api.rows("agent_locks")[0])
    tokens.append(api.lock()["fencing_token"])
    api.operate(
        "force_release_lock",
        resource_type="subsystem",
        resource_name="skeleton",
        released_by="operator",
        reason="test",
    )
    tokens.append(api.lock()["fencing_token"])
    api.sql("delete from agent_locks where workspace = %s", api.workspace)
    tokens.append(api.lock()["fencing_token"])
    assert tokens == [1, 2, 3, 4, 5]


def renewal(lease: Row, **arguments: Any) -> Row:
    return {
        "resource_type": "subsystem",
        "resource_name": "skeleton",
        "execution_id": lease["execution_id"],
        "fencing_token": lease["fencing_token"],
        **arguments,
    }


def test_a_renewed_lease_lasts_from_now_and_keeps_its_token(api: Api) -> None:
    lease = api.lock(ttl_seconds=60)
    renewed = api.do("renew_lock", **renewal(lease, ttl_seconds=600))
    assert renewed["expires_at"] > lease["expires_at"]
    assert (renewed["fencing_token"], renewed["ttl_seconds"]) == (lease["fencing_token"], 600)
    assert renewed["locked_at"] == lease["locked_at"]
    assert api.rows("agent_locks") == [renewed]


def test_a_renewal_may_also_shorten_a_lease(api: Api) -> None:
    lease = api.lock(ttl_seconds=600)
    assert api.do("renew_lock", **renewal(lease, ttl_seconds=5))["expires_at"] < lease["expires_at"]


@pytest.mark.parametrize("ended", ["lapsed", "released", "deleted", "taken over"])
def test_a_lease_that_ended_cannot_be_renewed(api: Api, ended: str) -> None:
    lease = api.lock()
    if ended == "released":
        release(api)
    elif ended == "deleted":
        api.sql("delete from agent_locks where workspace = %s", api.workspace)
    else:
        api.lapse(lease)
    if ended == "taken over":
        acquire(api)
    before = api.snapshot()
    detail = api.refused("renew_lock", "lease_lost", **renewal(lease))
    assert detail["fencing_token"] == lease["fencing_token"]
    assert detail["held_by"] == ("power_agent" if ended == "taken over" else None)
    assert api.snapshot() == before


@pytest.mark.parametrize("wrong", [{"execution_id": "run-2"}, {"fencing_token": 99}], ids=str)
def test_only_the_holder_renews_a_lease(api: Api, wrong: Row) -> None:
    lease = api.lock()
    detail = api.refused("renew_lock", "lease_lost", **renewal(lease, **wrong))
    assert detail["held_by"] == "skeleton_agent"
    assert api.rows("agent_locks") == [lease]


def force(api: Api) -> list[Row]:
    taken: list[Row] = api.operate(
        "force_release_lock",
        resource_type="subsystem",
        resource_name="skeleton",
        released_by="operator",
        reason="its machine is gone",
    )
    return taken


def test_an_operator_ends_a_lease_and_the_log_says_who_and_why(api: Api) -> None:
    lease = api.lock()
    assert force(api) == [lease]
    assert api.rows("agent_locks") == []
    (entry,) = api.log("lock_forced")
    assert (entry["agent_name"], entry["execution_id"]) == ("operator", "run-1")
    assert entry["details"]["reason"] == "its machine is gone"
    assert entry["details"]["locked_by"] == "skeleton_agent"


def test_forcing_a_free_resource_answers_nothing_and_logs_nothing(api: Api) -> None:
    assert force(api) == []
    assert api.log("lock_forced") == []


def test_after_force_the_old_holder_can_neither_write_nor_renew(api: Api) -> None:
    lease = api.lock()
    force(api)
    api.refused("renew_lock", "lease_lost", **renewal(lease))
    api.refused(
        "update_subsystem_status",
        "lease_lost",
        subsystem="skeleton",
        status={"state": "complete"},
        execution_id="run-1",
        fencing_token=lease["fencing_token"],
    )


def test_cleanup_removes_lapsed_leases_of_this_workspace_alone(
    api: Api, new_workspace: Any
) -> None:
    other: Api = new_workspace()
    for one in (api, other):
        one.lapse(one.lock())
    kept = api.lock("power", "power_agent")
    assert api.do("cleanup_expired_locks") == 1
    assert api.rows("agent_locks") == [kept]
    assert len(other.rows("agent_locks")) == 1
    assert [entry["details"]["reason"] for entry in api.log("lock_lost")] == ["expired"]
    assert api.do("cleanup_expired_locks") == 0


def test_a_lapsed_lease_is_free_without_any_cleanup(api: Api) -> None:
    api.lapse(api.lock())
    assert len(acquire(api)) == 1
