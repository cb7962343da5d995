"""Two transactions, step by step: a write beside the end of its lease, or beside another write."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from tests.concurrency.lease_calls import (
    FORCE,
    OTHER,
    RESOURCE,
    checkin,
    held,
    lapsed,
    lapses_after,
    write,
)
from tests.concurrency.stage import Row, Session, Stage

# A write that was checked stays allowed until it commits


@pytest.mark.parametrize("ended_by", ["release_lock", "force_release_lock"])
def test_a_lease_does_not_end_while_a_write_under_it_is_under_way(
    stage: Stage, ended_by: str
) -> None:
    lease = held(stage)
    stage.first.call("update_subsystem_status", **write(token=lease["fencing_token"], n=1))
    end = FORCE if ended_by == "force_release_lock" else {**RESOURCE, "execution_id": "run-1"}
    waiting = stage.second_waits(ended_by, **end)
    stage.first.commit()
    assert waiting.rows() == [lease]


def test_a_lease_that_lapses_during_a_write_is_not_taken_before_the_write_is_done(
    stage: Stage,
) -> None:
    lease = held(stage)
    written = write(token=lease["fencing_token"], n=1)
    lapses_after(stage, lease, "update_subsystem_status", **written)
    waiting = stage.second_waits("acquire_lock", **OTHER)
    stage.first.commit()
    assert waiting.rows()[0]["fencing_token"] == lease["fencing_token"] + 1
    (checked_out,) = stage.second.call("export_state")
    (skeleton,) = (row for row in checked_out["subsystems"] if row["name"] == "skeleton")
    assert skeleton["metadata"] == {"n": 1}


def test_a_write_without_a_lease_keeps_grants_waiting(stage: Stage) -> None:
    stage.first.call("update_subsystem_status", **write(n=1))
    waiting = stage.second_waits("acquire_lock", **OTHER)
    stage.first.commit()
    assert len(waiting.rows()) == 1


def test_writes_of_one_holder_do_not_wait_for_its_renewal(stage: Stage) -> None:
    lease = held(stage)
    renewal = {**RESOURCE, "execution_id": "run-1", "fencing_token": lease["fencing_token"]}
    stage.first.call("update_subsystem_status", **write(token=lease["fencing_token"], n=1))
    (renewed,) = stage.second.call_and_commit("renew_lock", **renewal)
    assert renewed["expires_at"] > lease["expires_at"]
    stage.first.commit()


def test_cleanup_does_not_wait_for_a_write_under_a_lease_that_has_lapsed(stage: Stage) -> None:
    lease = held(stage)
    written = write(token=lease["fencing_token"], n=1)
    lapses_after(stage, lease, "update_subsystem_status", **written)
    assert stage.second.call_and_commit("cleanup_expired_locks") == [0]
    stage.first.commit()
    assert stage.second.call_and_commit("cleanup_expired_locks") == [1]


# A write that waited sees what it waited for

Step = Callable[[Session, Row], object]
ENDINGS: dict[str, Step] = {
    "released": lambda session, lease: session.call(
        "release_lock", **RESOURCE, execution_id="run-1"
    ),
    "forced": lambda session, lease: session.call("force_release_lock", **FORCE),
    "checked in": lambda session, lease: session.call("checkin_subsystem", **checkin(lease)),
}
WRITES: dict[str, Callable[[Row], tuple[str, Row]]] = {
    "status": lambda lease: (
        "update_subsystem_status",
        write(token=lease["fencing_token"], state="complete"),
    ),
    "design": lambda lease: (
        "update_subsystem_design",
        {
            "subsystem": "skeleton",
            "design_data": {"n": 1},
            "created_by": "skeleton_agent",
            "fencing_token": lease["fencing_token"],
        },
    ),
    "checkin": lambda lease: ("checkin_subsystem", checkin(lease)),
    "renewal": lambda lease: (
        "renew_lock",
        {**RESOURCE, "execution_id": "run-1", "fencing_token": lease["fencing_token"]},
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", WRITES)
def test_a_fenced_write_that_waited_for_the_end_of_its_lease_is_refused(
    stage: Stage, ending: str, kind: str
) -> None:
    lease = held(stage)
    ENDINGS[ending](stage.first, lease)
    function, arguments = WRITES[kind](lease)
    waiting = stage.second_waits(function, **arguments)
    stage.first.commit()
    assert waiting.slug() == "lease_lost"


@pytest.mark.parametrize("kind", WRITES)
def test_a_fenced_write_that_waited_for_a_takeover_is_refused(stage: Stage, kind: str) -> None:
    lease = lapsed(stage)
    stage.first.call("acquire_lock", **OTHER)
    function, arguments = WRITES[kind](lease)
    if kind == "renewal":
        # Needs no lock to know that the lease has lapsed.
        with pytest.raises(psycopg.Error, match="lease_lost"):
            stage.second.call(function, **arguments)
        return
    waiting = stage.second_waits(function, **arguments)
    stage.first.commit()
    assert waiting.slug() == "lease_lost"


def test_a_write_without_a_token_that_waited_for_a_grant_is_refused(stage: Stage) -> None:
    stage.first.call("acquire_lock", **OTHER)
    waiting = stage.second_waits("update_subsystem_status", **write(state="complete"))
    stage.first.commit()
    assert waiting.slug() == "resource_locked"


def test_a_write_without_a_token_goes_on_when_the_grant_rolls_back(stage: Stage) -> None:
    stage.first.call("acquire_lock", **OTHER)
    waiting = stage.second_waits("update_subsystem_status", **write(state="complete"))
    stage.first.rollback()
    assert waiting.rows()[0]["state"] == "complete"


# Numbers


def test_a_compare_and_set_that_waited_for_another_write_is_stale(stage: Stage) -> None:
    stage.first.call("update_subsystem_status", **write(version=1, state="designing"))
    waiting = stage.second_waits("update_subsystem_status", **write(version=1, state="complete"))
    stage.first.commit()
    assert waiting.slug() == "stale_version"


NUMBERED: dict[str, tuple[str, Row]] = {
    "update_subsystem_design": (
        "version",
        {"subsystem": "skeleton", "design_data": {}, "created_by": "a"},
    ),
    "update_subsystem_requirements": (
        "version",
        {"subsystem": "gripper", "requirements": {}, "created_by": "a"},
    ),
    "update_global_constraints": ("version", {"constraints": {}, "created_by": "a"}),
    "log_conflict": (
        "conflict_id",
        {"severity": "low", "source": "a", "target": "b", "description": "?"},
    ),
}


@pytest.mark.parametrize("function", NUMBERED)
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_the_next_number_waits_for_the_one_before_and_leaves_no_gap(
    stage: Stage, function: str, end: str
) -> None:
    number, arguments = NUMBERED[function]
    first = stage.first.call(function, **arguments)[0][number]
    waiting = stage.second_waits(function, **arguments)
    getattr(stage.first, end)()
    assert waiting.rows()[0][number] == first + (end == "commit")


def test_a_conflict_is_not_resolved_twice(stage: Stage) -> None:
    resolution = {"conflict_id": 1, "resolution": "x", "resolved_by": "a"}
    stage.first.call_and_commit("log_conflict", **NUMBERED["log_conflict"][1])
    stage.first.call("resolve_conflict", **resolution)
    waiting = stage.second_waits("resolve_conflict", **{**resolution, "resolution": "y"})
    stage.first.commit()
    assert waiting.slug() == "conflict_already_resolved"


def test_a_repetition_waits_for_the_outcome_of_its_original(stage: Stage) -> None:
    arguments = {
        **NUMBERED["log_conflict"][1],
        "request_id": "00000000-0000-0000-0000-000000000001",
    }
    first = stage.first.call("log_conflict", **arguments)
    waiting = stage.second_waits("log_conflict", **arguments)
    stage.first.commit()
    assert waiting.rows() == first
