"""Two transactions, step by step: who waits for whom for a lock, and what it then sees.

The races in the other modules find these orders by chance; here each is made on purpose.
"""

from __future__ import annotations

import pytest
from psycopg.types.json import Jsonb
from tests.concurrency.lease_calls import (
    OTHER,
    RESOURCE,
    held,
    lapsed,
    lapses_after,
    lock,
    write,
)
from tests.concurrency.stage import Row, Stage

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
