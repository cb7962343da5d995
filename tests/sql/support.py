"""What the tests of the database share: a view of it, and one valid call of each mutation."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
import psycopg

from sharedstate_ops.stack import StackInfo

Row = dict[str, Any]
Answer = tuple[int, Any]

TABLES = (
    "global_constraints",
    "budget_reservations",
    "subsystems",
    "subsystem_requirements",
    "subsystem_interfaces",
    "subsystem_designs",
    "document_dependencies",
    "conflicts",
    "conflict_events",
    "agent_activity_logs",
    "agent_locks",
)


@dataclass(frozen=True)
class Api:
    """One workspace as an agent sees it over HTTP, and as the database's owner sees it by SQL."""

    http: httpx.Client
    stack: StackInfo
    workspace: str

    def call(
        self,
        name: str,
        /,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> Answer:
        """(status, json) of an RPC; as an agent unless `key` says otherwise."""
        answer = self.http.post(f"/rpc/{name}", json=arguments, headers=self.headers(key, headers))
        return answer.status_code, answer.json() if answer.content else None

    def headers(
        self, key: str | None = None, more: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """The headers of a request; an empty key means none at all."""
        key = self.stack.agent_key if key is None else key
        return {
            "x-workspace": self.workspace,
            **({"apikey": key} if key else {}),
            **(more or {}),
        }

    def do(self, name: str, /, **arguments: Any) -> Any:
        """The answer of an RPC that has to succeed."""
        status, answer = self.call(name, **arguments)
        assert status == 200, (name, status, answer)
        return answer

    def do_exactly(self, name: str, /, **arguments: Any) -> Any:
        """The same, with numbers that have more digits than a float: Decimals there and back."""
        text = json.dumps(arguments, default=lambda number: f"<exact>{number}</exact>")
        answer = self.http.post(
            f"/rpc/{name}",
            content=re.sub(r'"<exact>(.*?)</exact>"', r"\1", text),
            headers={**self.headers(), "content-type": "application/json"},
        )
        assert answer.status_code == 200, (name, answer.text)
        return json.loads(answer.text, parse_float=Decimal)

    def operate(self, name: str, /, **arguments: Any) -> Any:
        """The same with the operator's key."""
        return self.do(name, key=self.stack.service_key, **arguments)

    def refused(self, name: str, slug: str, /, **arguments: Any) -> Row:
        """The detail of an RPC that has to fail with this slug, which must say what to do next."""
        status, answer = self.call(name, **arguments)
        assert (status, answer["message"]) == (STATUS_OF[slug], slug), (name, status, answer)
        assert answer["code"] == f"PT{status}"
        assert answer["hint"]
        detail = json.loads(answer["details"])
        assert isinstance(detail, dict)
        return detail

    def rows(self, table: str, /, *, key: str | None = None, **filters: str) -> list[Row]:
        """Rows of a table or view: rows("subsystems", name="eq.skeleton")."""
        answer = self.http.get(f"/{table}", params=filters, headers=self.headers(key))
        assert answer.status_code == 200, answer.text
        found: list[Row] = answer.json()
        return found

    def log(self, *activities: str) -> list[Row]:
        """Activity entries, oldest first; of these kinds only when any are named."""
        wanted = {"activity": f"in.({','.join(activities)})"} if activities else {}
        return self.rows("agent_activity_logs", order="id", **wanted)

    def snapshot(self) -> Row:
        """All that a refused call must leave as it was: the export, and the leases."""
        exported: Row = self.do("export_state")
        del exported["exported_at"]
        exported["agent_locks"] = self.rows("agent_locks", order="resource_type,resource_name")
        return exported

    def sql(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement as the owner of the database, in a transaction of its own."""
        with psycopg.connect(self.stack.database_url) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def lock(
        self,
        subsystem: str = "skeleton",
        agent_name: str = "skeleton_agent",
        execution_id: str = "run-1",
        **arguments: Any,
    ) -> Row:
        """Take the lease of a subsystem, which has to be free."""
        granted = self.do(
            "acquire_lock",
            resource_type="subsystem",
            resource_name=subsystem,
            agent_name=agent_name,
            execution_id=execution_id,
            **arguments,
        )
        assert len(granted) == 1, f"{subsystem} is not free"
        lease: Row = granted[0]
        return lease

    def lapse(self, lease: Row) -> None:
        """Let a lease run out now, as if its time to live had passed."""
        found = self.sql(
            "update public.agent_locks set expires_at = clock_timestamp() "
            "where workspace = %s and resource_type = %s and resource_name = %s returning true",
            self.workspace,
            lease["resource_type"],
            lease["resource_name"],
        )
        assert found == [(True,)]


STATUS_OF = {
    "invalid_argument": 400,
    "agent_mismatch": 403,
    "unknown_workspace": 404,
    "unknown_conflict": 404,
    "unknown_version": 404,
    "request_id_reused": 409,
    "lease_lost": 409,
    "deadlock": 409,
    "stale_version": 409,
    "stale_inputs": 409,
    "over_budget": 409,
    "reservation_lost": 409,
    "conflict_already_resolved": 409,
    "conflict_not_resolved": 409,
    "conflict_duplicate": 409,
    "log_restored": 409,
    "export_too_large": 413,
    "resource_locked": 423,
}


def make_workspace(http: httpx.Client, stack: StackInfo, name: str) -> Api:
    """A new workspace with the default configuration."""
    api = Api(http, stack, name)
    api.operate("init_workspace", workspace_name=name)
    return api


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
