"""Two transactions, step by step: who waits for whom, and what the one that waited then sees.

The races in the other modules find these orders by chance; here each is made on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from tests.concurrency.stage import Row, Session, Stage

RESOURCE = {"resource_type": "subsystem", "resource_name": "skeleton"}


def lock(agent: str = "skeleton_agent", run: str = "run-1") -> Row:
    return {**RESOURCE, "agent_name": agent, "execution_id": run, "ttl_seconds": 300}


def write(run: str = "run-1", token: int | None = None, **status: Any) -> Row:
    return {
        "subsystem": "skeleton",
        "status": status,
        "execution_id": run,
        "fencing_token": token,
    }


OTHER = lock("power_agent", "run-2")
FORCE = {**RESOURCE, "released_by": "operator", "reason": "test"}


def held(stage: Stage) -> Row:
    """A lease of the first session's execution, committed."""
    lease: Row
    (lease,) = stage.first.call_and_commit("acquire_lock", **lock())
    return lease


def lapsed(stage: Stage) -> Row:
    lease = held(stage)
    stage.ends_in(lease, seconds=0)
    return lease


def lapses_after(stage: Stage, lease: Row, function: str, **arguments: Any) -> None:
    """The lease ends after a call under it by the first session, which has not committed yet.

    When the machine was so slow that the call came too late, it is made again.
    """
    while True:
        stage.ends_in(lease, seconds=0.5)
        try:
            stage.first.call(function, **arguments)
        except psycopg.Error as problem:
            if problem.diag.message_primary != "lease_lost":
                raise
            stage.first.rollback()
        else:
            break
    stage.wait_for_the_end_of(lease)


def checkin(lease: Row) -> Row:
    return {
        "subsystem": "skeleton",
        "agent_name": "skeleton_agent",
        "execution_id": "run-1",
        "fencing_token": lease["fencing_token"],
        "status": {"state": "complete"},
    }


# Grants


@pytest.mark.parametrize("known", [False, True], ids=["never locked", "locked before"])
def test_a_grant_waits_for_another_and_is_refused_when_that_one_commits(
    stage: Stage, known: bool
) -> None:
    if known:
        held(stage)
        stage.first.call_and_commit("release_lock", **RESOURCE, execution_id="run-1")
    assert len(stage.first.call("acquire_lock", **lock())) == 1
    waiting = stage.second_waits("acquire_lock", **OTHER)
    stage.first.commit()
    assert waiting.rows() == []


def test_a_grant_waits_for_another_and_succeeds_when_that_one_rolls_back(stage: Stage) -> None:
    stage.first.call("acquire_lock", **lock())
    waiting = stage.second_waits("acquire_lock", **OTHER)
    stage.first.rollback()
    assert waiting.rows()[0]["locked_by"] == "power_agent"


def test_of_two_takeovers_of_a_lapsed_lease_one_wins(stage: Stage) -> None:
    lease = lapsed(stage)
    (taken,) = stage.first.call("acquire_lock", **lock("shell_agent", "run-3"))
    assert taken["fencing_token"] == lease["fencing_token"] + 1
    waiting = stage.second_waits("acquire_lock", **OTHER)
    stage.first.commit()
    assert waiting.rows() == []


@pytest.mark.parametrize("trial", range(3))
def test_a_set_is_locked_in_one_order_whatever_order_it_is_named_in(
    stage: Stage, trial: int
) -> None:
    """Who waits for the first of its resources holds none of the others meanwhile."""
    parts = [{"resource_type": "part", "resource_name": f"{trial}-{n}"} for n in range(8)]
    for part in parts:  # so that each has a counter
        (lease,) = stage.first.call_and_commit(
            "acquire_lock", **part, agent_name="a", execution_id="run-1"
        )
        stage.first.call_and_commit("release_lock", **part, execution_id="run-1")
    counters = "from core.fencing_counters where workspace = %s and resource_name"
    ours = [lease["workspace"], f"{trial}-0"]
    stage.first.connection.execute(f"select {counters} = %s for update".encode(), ours)
    waiting = stage.second_waits(
        "acquire_locks", resources=Jsonb(parts[::-1]), agent_name="b", execution_id="run-2"
    )
    free = stage.first.connection.execute(
        f"select resource_name {counters} <> %s for update skip locked".encode(), ours
    ).fetchall()
    stage.first.rollback()
    waiting.rows()
    assert len(free) == 7


def test_a_release_does_not_wait_for_another_lapsed_lease_that_the_next_in_line_wants(
    stage: Stage,
) -> None:
    """Two releases that hand over sets to each other's waiters would deadlock."""
    arm, leg = ({"resource_type": "subsystem", "resource_name": name} for name in ("arm", "leg"))
    for resource in (arm, leg):
        (lease,) = stage.first.call_and_commit(
            "acquire_lock", **resource, agent_name="a", execution_id="run-1"
        )
    both = {"resources": Jsonb([arm, leg]), "agent_name": "b", "execution_id": "run-2"}
    request = "00000000-0000-0000-0000-000000000003"
    stage.second.call_and_commit("acquire_locks", **both, wait_seconds=60, request_id=request)
    first, second, ours = stage.first, stage.second, [lease["workspace"]]
    first.connection.execute(
        "update agent_locks set expires_at = clock_timestamp() where workspace = %s", ours
    )
    first.commit()
    query = "from agent_locks where workspace = %s and resource_name"
    first.connection.execute(f"select {query} = 'leg' for update".encode(), ours)
    second.connection.execute("set local lock_timeout = '5s'")
    second.connection.execute(f"delete {query} = 'arm'".encode(), ours)
    second.commit()
    first.commit()
    (answer,) = stage.second.call_and_commit("wait_for_lock", request_id=request)
    assert (answer["state"], len(answer["leases"])) == ("granted", 2)


def test_a_lease_that_is_just_renewed_is_not_taken_over_although_its_old_end_has_passed(
    stage: Stage,
) -> None:
    lease = held(stage)
    renewal = {**RESOURCE, "execution_id": "run-1", "fencing_token": lease["fencing_token"]}
    lapses_after(stage, lease, "renew_lock", **renewal)
    waiting = stage.second_waits("acquire_lock", **OTHER)
    stage.first.commit()
    assert waiting.rows() == []


TAKERS: dict[str, tuple[str, Row]] = {
    "acquire_lock": ("acquire_lock", OTHER),
    "acquire_lock with a wait": (
        "acquire_lock",
        {**OTHER, "wait_seconds": 60, "request_id": "00000000-0000-0000-0000-000000000004"},
    ),
    "checkout_subsystem": (
        "checkout_subsystem",
        {"subsystem": "skeleton", "agent_name": "power_agent", "execution_id": "run-2"},
    ),
}


@pytest.mark.parametrize("taker", TAKERS)
def test_a_grant_does_not_wait_long_for_a_write_under_a_lease_that_has_lapsed(
    stage: Stage, taker: str
) -> None:
    lease = held(stage)
    written = write(token=lease["fencing_token"], n=1)
    lapses_after(stage, lease, "update_subsystem_status", **written)
    function, arguments = TAKERS[taker]
    # It has its answer although the write is still open.
    assert stage.second_waits(function, **arguments).rows() == []
    (status,) = stage.second.call_and_commit("get_lock_status", **RESOURCE)
    assert len(status["queue"]) == ("wait_seconds" in arguments)
    stage.first.commit()
    assert len(stage.second.call_and_commit(function, **arguments)) == 1


def test_a_request_for_what_is_written_for_the_first_time_gets_in_line(stage: Stage) -> None:
    """The writer makes the counter of the resource, and nobody else sees it before it commits."""
    stage.first.call("update_subsystem_status", **write(n=1))
    request = {"wait_seconds": 60, "request_id": "00000000-0000-0000-0000-000000000006"}
    assert stage.second_waits("acquire_lock", **OTHER, **request).rows() == []
    stage.first.commit()
    (answer,) = stage.second.call_and_commit("wait_for_lock", request_id=request["request_id"])
    assert answer["state"] == "granted"


# Hand-overs and cancelling


def test_a_release_does_not_wait_for_a_write_of_what_the_next_in_line_waits_for_too(
    stage: Stage,
) -> None:
    held(stage)
    request = {"request_id": "00000000-0000-0000-0000-000000000002"}
    both = [RESOURCE, {**RESOURCE, "resource_name": "power"}]
    asked = {"agent_name": "power_agent", "execution_id": "run-2", "wait_seconds": 60}
    assert (
        stage.first.call_and_commit("acquire_locks", resources=Jsonb(both), **asked, **request)
        == []
    )
    stage.first.call("update_subsystem_status", **{**write(n=1), "subsystem": "power"})
    assert stage.second.call_and_commit("release_lock", **RESOURCE, execution_id="run-1") != []
    # The writer was to decide; now the next in line takes its turn itself.
    stage.first.commit()
    (answer,) = stage.second.call_and_commit("wait_for_lock", **request)
    assert (answer["state"], len(answer["leases"])) == ("granted", 2)


def test_a_release_does_not_wait_for_the_ticket_of_the_next_in_line(stage: Stage) -> None:
    """Two that each end several leases would lock tickets in different orders, and deadlock."""
    held(stage)
    request = {"request_id": "00000000-0000-0000-0000-000000000004"}
    assert stage.first.call_and_commit("acquire_lock", **OTHER, wait_seconds=60, **request) == []
    ticket = "select from core.lock_tickets where request_id = %s for update"
    stage.first.connection.execute(ticket.encode(), list(request.values()))
    assert stage.second.call_and_commit("release_lock", **RESOURCE, execution_id="run-1") != []
    stage.first.rollback()
    (answer,) = stage.second.call_and_commit("wait_for_lock", **request)
    assert (answer["state"], len(answer["leases"])) == ("granted", 1)


@pytest.mark.parametrize("outcome", ["granted", "in line"])
def test_cancelling_waits_for_an_acquire_call_that_is_under_way_and_ends_what_it_brought(
    stage: Stage, outcome: str
) -> None:
    if outcome == "in line":
        held(stage)
    request = {"request_id": "00000000-0000-0000-0000-000000000003"}
    taken = stage.first.call("acquire_lock", **OTHER, wait_seconds=60, **request)
    assert len(taken) == (outcome == "granted")
    waiting = stage.second_waits("cancel_lock_request", **request)
    stage.first.commit()
    assert waiting.rows() == [True]
    (answer,) = stage.second.call_and_commit("wait_for_lock", **request)
    assert (answer["state"], answer["leases"]) == ("gone", [])
    (status,) = stage.second.call_and_commit("get_lock_status", **RESOURCE)
    assert status["queue"] == []
    assert (status["holder"] is None) == (outcome == "granted")


def test_cancelling_takes_the_leases_of_a_set_in_the_order_of_all_leases(stage: Stage) -> None:
    both = [{**RESOURCE, "resource_name": name} for name in ("arm", "leg")]
    asked = {"agent_name": "a", "execution_id": "run-1", "wait_seconds": 60}
    request = {"request_id": "00000000-0000-0000-0000-000000000007"}
    lease, _ = stage.first.call_and_commit(
        "acquire_locks", resources=Jsonb(both), **asked, **request
    )
    renewal = {**both[0], "execution_id": "run-1", "fencing_token": lease["fencing_token"]}
    # Its row lies behind the other one from now on, and is read in that order.
    stage.first.call_and_commit("renew_lock", **renewal)
    stage.second.connection.execute("set enable_indexscan = off; set enable_bitmapscan = off")
    row_of = "select from agent_locks where workspace = %s and resource_name = %s for update"
    ours = lease["workspace"]
    stage.first.connection.execute(row_of.encode(), [ours, "arm"])
    waiting = stage.second_waits("cancel_lock_request", **request)
    skip = f"{row_of} skip locked".encode()
    assert stage.first.connection.execute(skip, [ours, "leg"]).fetchone() is not None
    stage.first.commit()
    assert waiting.rows() == [True]


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
