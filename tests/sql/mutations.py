"""One valid call of each mutating function."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.sql.support import Api, Row


def _nothing(api: Api) -> Row:
    return {}


def _locked(api: Api) -> Row:
    return {"fencing_token": api.lock()["fencing_token"]}


def _locked_for_operator(api: Api) -> Row:
    api.lock()
    return {}


def _conflict(api: Api) -> Row:
    logged = api.do(
        "log_conflict", severity="low", source="power_agent", target="shell_agent", description="?"
    )
    return {"conflict_id": logged["conflict_id"]}


def _dependency(api: Api) -> Row:
    api.do("record_dependency", **_DEPENDENCY)
    return {}


def _reservation(api: Api) -> Row:
    ((row),) = api.do("reserve_budget", subsystem="reserve", **_RUN, **_AMOUNTS)
    return {"reservation_id": row["reservation_id"]}


def _held(api: Api) -> Row:
    """What an execution can have: a lease, a place in line and a reservation."""
    api.lock()
    api.lock("power", "power_agent", "run-2")
    waiting = {"wait_seconds": 60, "request_id": str(uuid.uuid4())}
    assert (
        api.do("acquire_lock", **{**_RESOURCE, "resource_name": "power"}, **_RUN, **waiting) == []
    )
    api.do("reserve_budget", subsystem="reserve", **_RUN, **_AMOUNTS)
    return {}


def _own_name(api: Api) -> Row:
    return {"workspace_name": api.workspace}


@dataclass(frozen=True)
class Mutation:
    """A valid call of a mutating function.

    `prepare` makes what the call needs and answers the arguments that come of it; `other` are
    arguments that make it another call; `named` is the argument that names the caller.
    """

    name: str
    arguments: Row
    other: Row
    named: str | None = None
    operator: bool = False
    prepare: Callable[[Api], Row] = field(default=_nothing)

    def key(self, api: Api) -> str:
        """The weakest key that may do it."""
        return api.stack.service_key if self.operator else api.stack.agent_key

    def ready(self, api: Api) -> Row:
        """All arguments, after making what they refer to."""
        return {**self.arguments, **self.prepare(api)}


def _resolved(api: Api) -> Row:
    made = _conflict(api)
    api.do("resolve_conflict", **made, resolution="done", resolved_by="shell_agent")
    return made


_RESOURCE = {"resource_type": "subsystem", "resource_name": "skeleton"}
_RUN = {"agent_name": "skeleton_agent", "execution_id": "run-1"}
_BY = {"subsystem": "skeleton", "created_by": "skeleton_agent"}
_AMOUNTS = {"mass_kg": 0.5, "cost_usd": 10, "power_w": 0}
_DEPENDENCY = {
    "subsystem": "skeleton",
    "on_subsystem": "power",
    "document": "interfaces",
    "agent_name": "skeleton_agent",
}

MUTATIONS = (
    Mutation(
        "acquire_lock", {**_RESOURCE, **_RUN, "ttl_seconds": 60}, {"ttl_seconds": 61}, "agent_name"
    ),
    Mutation(
        "acquire_locks",
        {
            "resources": [_RESOURCE, {"resource_type": "subsystem", "resource_name": "power"}],
            **_RUN,
            "ttl_seconds": 60,
        },
        {"ttl_seconds": 61},
        "agent_name",
    ),
    Mutation(
        "renew_lock",
        {**_RESOURCE, "execution_id": "run-1", "ttl_seconds": 60},
        {"ttl_seconds": 61},
        prepare=_locked,
    ),
    Mutation(
        "release_lock",
        {**_RESOURCE, "execution_id": "run-1"},
        {"execution_id": "run-2"},
        prepare=_locked,
    ),
    Mutation(
        "force_release_lock",
        {**_RESOURCE, "released_by": "operator", "reason": "its machine is gone"},
        {"reason": "another reason"},
        operator=True,
        prepare=_locked_for_operator,
    ),
    Mutation(
        "update_subsystem_status",
        {"subsystem": "skeleton", "status": {"state": "designing"}, "execution_id": "run-1"},
        {"status": {"state": "complete"}},
    ),
    Mutation(
        "update_subsystem_requirements",
        {**_BY, "requirements": {"payload_kg": 5}},
        {"requirements": {"payload_kg": 6}},
        "created_by",
    ),
    Mutation(
        "update_subsystem_interfaces",
        {**_BY, "interfaces": {"hip": {"x_mm": 90}}},
        {"interfaces": {"hip": {"x_mm": 91}}},
        "created_by",
    ),
    Mutation(
        "update_subsystem_design",
        {**_BY, "design_data": {"bones": 6}},
        {"design_data": {"bones": 7}},
        "created_by",
    ),
    Mutation(
        "record_dependency",
        {**_DEPENDENCY, "execution_id": "run-1"},
        {"execution_id": "run-2"},
        "agent_name",
    ),
    Mutation(
        "remove_dependency",
        {**_DEPENDENCY, "execution_id": "run-1"},
        {"execution_id": "run-2"},
        "agent_name",
        prepare=_dependency,
    ),
    Mutation(
        "update_global_constraints",
        {"constraints": {"height_m": 1.8}, "created_by": "system_architect"},
        {"constraints": {"height_m": 1.9}},
        "created_by",
    ),
    Mutation(
        "transfer_budget",
        {
            "from_subsystem": "reserve",
            "to_subsystem": "skeleton",
            **_AMOUNTS,
            "reason": "longer bones",
            "agent_name": "system_architect",
            "execution_id": "run-1",
        },
        {"mass_kg": 0.25},
        "agent_name",
    ),
    Mutation(
        "reserve_budget",
        {"subsystem": "reserve", **_RUN, **_AMOUNTS},
        {"mass_kg": 0.25},
        "agent_name",
    ),
    Mutation(
        "release_budget",
        {"execution_id": "run-1"},
        {"execution_id": "run-2"},
        prepare=_reservation,
    ),
    Mutation(
        "log_conflict",
        {
            "severity": "high",
            "source": "actuation_agent",
            "target": "system_architect",
            "description": "200 W too much",
        },
        {"priority": 1},
        "source",
    ),
    Mutation(
        "resolve_conflict",
        {"resolution": "moved reserve", "resolved_by": "system_architect"},
        {"resolution": "did nothing"},
        "resolved_by",
        prepare=_conflict,
    ),
    Mutation(
        "add_conflict_note",
        {"agent_name": "shell_agent", "note": "looked at it"},
        {"note": "looked away"},
        "agent_name",
        prepare=_conflict,
    ),
    Mutation(
        "reassign_conflict",
        {
            "target_agent": "skeleton_agent",
            "agent_name": "system_architect",
            "reason": "it is a bone",
        },
        {"target_agent": "sensing_agent"},
        "agent_name",
        prepare=_conflict,
    ),
    Mutation(
        "reopen_conflict",
        {"agent_name": "power_agent", "reason": "it did not hold"},
        {"reason": "it broke"},
        "agent_name",
        prepare=_resolved,
    ),
    Mutation(
        "log_agent_activity",
        {"agent_name": "skeleton_agent", "activity": "design_started"},
        {"activity": "design_complete"},
        "agent_name",
    ),
    Mutation(
        "log_agent_activities",
        {"entries": [{"agent_name": "skeleton_agent", "activity": "design_started"}]},
        {"execution_id": "run-2"},
        "entries.0.agent_name",
    ),
    Mutation(
        "checkout_subsystem",
        {"subsystem": "skeleton", **_RUN, "ttl_seconds": 60, "reads": ["power"]},
        {"ttl_seconds": 61},
        "agent_name",
    ),
    Mutation(
        "checkin_subsystem",
        {
            "subsystem": "skeleton",
            **_RUN,
            "status": {"state": "complete"},
            "interfaces": {"hip": {}},
            "design_data": {"bones": 6},
        },
        {"status": {"state": "designing"}},
        "agent_name",
        prepare=_locked,
    ),
    Mutation(
        "release_execution",
        {"execution_id": "run-1"},
        {"execution_id": "run-2"},
        prepare=_held,
    ),
    Mutation(
        "init_workspace",
        {"with_defaults": True},
        {"with_defaults": False},
        operator=True,
        prepare=_own_name,
    ),
    Mutation(
        "import_state",
        {"document": {"format": "sharedstate/1", "subsystems": [{"name": "gripper"}]}},
        {"document": {"format": "sharedstate/1", "subsystems": [{"name": "tail"}]}},
        operator=True,
    ),
    Mutation(
        "prune_activity",
        {"older_than": "2026-01-01T00:00:00Z"},
        {"older_than": "2026-01-02T00:00:00Z"},
        operator=True,
    ),
)
MUTATION_BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}

# Their request_id is that of another call, so they have none of their own; repeating is harmless.
ABOUT_REQUESTS = tuple(
    Mutation(name, {"request_id": str(uuid.uuid4())}, {})
    for name in ("wait_for_lock", "cancel_lock_request")
)
CALL_BY_NAME = MUTATION_BY_NAME | {call.name: call for call in ABOUT_REQUESTS}
