"""The lease that two transactions are about, and calls that need it, as arguments."""

from __future__ import annotations

from typing import Any

import psycopg
from tests.concurrency.stage import Row, Stage

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
