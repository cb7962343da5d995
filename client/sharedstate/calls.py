"""Method arguments to requests, and answers to results. Pure: no I/O, no clock.

Each function has the name of its method and gives a `Call[T]`, which the sync and the async
transport send alike. The only thing drawn from outside is a fresh request id, where none is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlencode
from uuid import UUID, uuid4

from sharedstate import readers, types
from sharedstate.config import checked_name
from sharedstate.encoding import encode
from sharedstate.errors import InvalidArgument

T = TypeVar("T")
RequestId = str | UUID | None
MAX_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and how its answer is read.

    A mutation carries a request id, so it can be sent again without being done twice.
    `timeout_s` replaces the client's own for calls that may take long.
    """

    method: str
    path: str
    read: Callable[[Any], T]
    body: bytes | None = None
    request_id: str | None = None
    timeout_s: float | None = None

    @property
    def is_mutation(self) -> bool:
        """Whether a lost answer leaves open what happened."""
        return self.request_id is not None


# --- locks ---


def acquire_lock(
    execution_id: str,
    resource_type: str,
    resource_name: str,
    agent_name: str,
    ttl_seconds: int,
    request_id: RequestId,
) -> Call[types.Lease | None]:
    params = {
        "resource_type": resource_type,
        "resource_name": resource_name,
        "agent_name": agent_name,
        "execution_id": execution_id,
        "ttl_seconds": ttl_seconds,
    }
    return _mutation("acquire_lock", params, readers.lease_or_none, request_id)


def renew_lock(
    execution_id: str,
    resource_type: str,
    resource_name: str,
    fencing_token: int,
    ttl_seconds: int,
    request_id: RequestId,
) -> Call[types.Lease]:
    params = {
        "resource_type": resource_type,
        "resource_name": resource_name,
        "execution_id": execution_id,
        "fencing_token": fencing_token,
        "ttl_seconds": ttl_seconds,
    }
    return _mutation("renew_lock", params, readers.lease, request_id)


def release_lock(
    execution_id: str,
    resource_type: str,
    resource_name: str,
    fencing_token: int | None,
    request_id: RequestId,
) -> Call[bool]:
    params = {
        "resource_type": resource_type,
        "resource_name": resource_name,
        "execution_id": execution_id,
        "fencing_token": fencing_token,
    }
    return _mutation("release_lock", params, readers.was_row, request_id)


def force_release_lock(
    resource_type: str, resource_name: str, released_by: str, reason: str, request_id: RequestId
) -> Call[types.LockRow | None]:
    params = {
        "resource_type": resource_type,
        "resource_name": resource_name,
        "released_by": released_by,
        "reason": reason,
    }
    return _mutation("force_release_lock", params, readers.row_or_none, request_id)


def cleanup_expired_locks() -> Call[int]:
    return _question("cleanup_expired_locks", {}, readers.integer)


def get_lock(
    workspace: str, resource_type: str, resource_name: str
) -> Call[types.LockRow | None]:
    filters = {
        "resource_type": "eq." + checked_name(resource_type, "resource_type"),
        "resource_name": "eq." + checked_name(resource_name, "resource_name"),
    }
    return _select("agent_locks", workspace, filters, readers.first_or_none)


# --- status ---


def update_subsystem_status(
    execution_id: str,
    subsystem: str,
    status: Mapping[str, Any],
    fencing_token: int | None,
    request_id: RequestId,
) -> Call[types.SubsystemRow]:
    params = {
        "subsystem": subsystem,
        "status": _object(status, "status"),
        "execution_id": execution_id,
        "fencing_token": fencing_token,
    }
    return _mutation("update_subsystem_status", params, readers.row, request_id)


def get_subsystem_status(workspace: str, subsystem: str) -> Call[types.SubsystemRow | None]:
    filters = {"name": "eq." + checked_name(subsystem, "subsystem")}
    return _select("subsystems", workspace, filters, readers.first_or_none)


def get_all_subsystem_statuses(workspace: str) -> Call[list[types.SubsystemRow]]:
    return _select("subsystems", workspace, {"order": "name"}, readers.rows)


def get_system_status(workspace: str) -> Call[list[types.SystemStatusRow]]:
    return _select("system_status", workspace, {"order": "name"}, readers.rows)


# --- budgets ---


def update_global_constraints(
    execution_id: str,
    constraints: Mapping[str, Any],
    created_by: str,
    base_version: int | None,
    request_id: RequestId,
) -> Call[types.GlobalConstraintsRow]:
    params = {
        "constraints": _object(constraints, "constraints"),
        "created_by": created_by,
        "base_version": base_version,
        "execution_id": execution_id,
    }
    return _mutation("update_global_constraints", params, readers.row, request_id)


def get_global_constraints(
    workspace: str, version: int | None
) -> Call[types.GlobalConstraintsRow | None]:
    return _select("global_constraints", workspace, _version(version), readers.first_or_none)


def get_global_constraints_history(
    workspace: str, limit: int
) -> Call[list[types.GlobalConstraintsRow]]:
    return _select("global_constraints", workspace, _newest(limit), readers.rows)


# --- documents ---


def update_subsystem_requirements(
    execution_id: str,
    subsystem: str,
    requirements: Mapping[str, Any],
    created_by: str,
    base_version: int | None,
    fencing_token: int | None,
    request_id: RequestId,
) -> Call[types.RequirementsRow]:
    document = {"requirements": _object(requirements, "requirements")}
    params = _publication(
        execution_id, subsystem, document, created_by, base_version, fencing_token
    )
    return _mutation("update_subsystem_requirements", params, readers.row, request_id)


def update_subsystem_interfaces(
    execution_id: str,
    subsystem: str,
    interfaces: Mapping[str, Any],
    created_by: str,
    base_version: int | None,
    fencing_token: int | None,
    request_id: RequestId,
) -> Call[types.InterfacesRow]:
    document = {"interfaces": _object(interfaces, "interfaces")}
    params = _publication(
        execution_id, subsystem, document, created_by, base_version, fencing_token
    )
    return _mutation("update_subsystem_interfaces", params, readers.row, request_id)


def update_subsystem_design(
    execution_id: str,
    subsystem: str,
    design_data: Mapping[str, Any],
    created_by: str,
    base_version: int | None,
    fencing_token: int | None,
    request_id: RequestId,
) -> Call[types.DesignRow]:
    document = {"design_data": _object(design_data, "design_data")}
    params = _publication(
        execution_id, subsystem, document, created_by, base_version, fencing_token
    )
    return _mutation("update_subsystem_design", params, readers.row, request_id)


def get_subsystem_requirements(
    workspace: str, subsystem: str, version: int | None
) -> Call[types.RequirementsRow | None]:
    filters = {**_of(subsystem), **_version(version)}
    return _select("subsystem_requirements", workspace, filters, readers.first_or_none)


def get_subsystem_requirements_history(
    workspace: str, subsystem: str, limit: int
) -> Call[list[types.RequirementsRow]]:
    filters = {**_of(subsystem), **_newest(limit)}
    return _select("subsystem_requirements", workspace, filters, readers.rows)


def get_subsystem_interfaces(
    workspace: str, subsystem: str, version: int | None
) -> Call[types.InterfacesRow | None]:
    filters = {**_of(subsystem), **_version(version)}
    return _select("subsystem_interfaces", workspace, filters, readers.first_or_none)


def get_subsystem_interfaces_history(
    workspace: str, subsystem: str, limit: int
) -> Call[list[types.InterfacesRow]]:
    filters = {**_of(subsystem), **_newest(limit)}
    return _select("subsystem_interfaces", workspace, filters, readers.rows)


def get_subsystem_design(
    workspace: str, subsystem: str, version: int | None
) -> Call[types.DesignRow | None]:
    filters = {**_of(subsystem), **_version(version)}
    return _select("subsystem_designs", workspace, filters, readers.first_or_none)


def get_subsystem_design_history(
    workspace: str, subsystem: str, limit: int
) -> Call[list[types.DesignRow]]:
    filters = {**_of(subsystem), **_newest(limit)}
    return _select("subsystem_designs", workspace, filters, readers.rows)


# --- conflicts ---


def log_conflict(
    execution_id: str,
    severity: str,
    source: str,
    target: str,
    description: str,
    details: Mapping[str, Any] | None,
    priority: int,
    blocks: Iterable[str],
    request_id: RequestId,
) -> Call[int]:
    params = {
        "severity": severity,
        "source": source,
        "target": target,
        "description": description,
        "details": _object(details or {}, "details"),
        "priority": priority,
        "blocks": _names(blocks, "blocks"),
        "execution_id": execution_id,
    }
    return _mutation("log_conflict", params, readers.conflict_number, request_id)


def resolve_conflict(
    execution_id: str, conflict_id: int, resolution: str, resolved_by: str, request_id: RequestId
) -> Call[types.ConflictRow]:
    params = {
        "conflict_id": conflict_id,
        "resolution": resolution,
        "resolved_by": resolved_by,
        "execution_id": execution_id,
    }
    return _mutation("resolve_conflict", params, readers.row, request_id)


def get_active_conflicts(agent_name: str | None) -> Call[list[types.ConflictRow]]:
    return _question("get_active_conflicts", {"agent_name": agent_name}, readers.rows)


# --- activity ---


def log_agent_activity(
    execution_id: str,
    agent_name: str,
    activity: str,
    details: Mapping[str, Any] | None,
    request_id: RequestId,
) -> Call[types.ActivityRow]:
    params = {
        "agent_name": agent_name,
        "activity": activity,
        "details": _object(details or {}, "details"),
        "execution_id": execution_id,
    }
    return _mutation("log_agent_activity", params, readers.row, request_id)


def get_recent_activity(
    workspace: str, limit: int, agent_name: str | None
) -> Call[list[types.ActivityRow]]:
    filters = {} if agent_name is None else {
        "agent_name": "eq." + checked_name(agent_name, "agent_name")
    }
    filters |= {"order": "timestamp.desc,id.desc", "limit": _limit(limit)}
    return _select("agent_activity_logs", workspace, filters, readers.rows)


# --- one round trip ---


def checkout_subsystem(
    execution_id: str,
    subsystem: str,
    agent_name: str,
    ttl_seconds: int,
    reads: Iterable[str],
    request_id: RequestId,
) -> Call[types.Checkout | None]:
    params = {
        "subsystem": subsystem,
        "agent_name": agent_name,
        "execution_id": execution_id,
        "ttl_seconds": ttl_seconds,
        "reads": _names(reads, "reads"),
    }
    return _mutation("checkout_subsystem", params, readers.checkout_or_none, request_id)


def checkin_subsystem(
    execution_id: str,
    subsystem: str,
    agent_name: str,
    fencing_token: int,
    status: Mapping[str, Any] | None,
    interfaces: Mapping[str, Any] | None,
    design_data: Mapping[str, Any] | None,
    activity: str | None,
    details: Mapping[str, Any] | None,
    release: bool,
    request_id: RequestId,
) -> Call[types.Checkin]:
    params = {
        "subsystem": subsystem,
        "agent_name": agent_name,
        "execution_id": execution_id,
        "fencing_token": fencing_token,
        "status": _object(status or {}, "status"),
        "interfaces": None if interfaces is None else _object(interfaces, "interfaces"),
        "design_data": None if design_data is None else _object(design_data, "design_data"),
        "activity": activity,
        "details": _object(details or {}, "details"),
        "release": release,
    }
    return _mutation("checkin_subsystem", params, readers.checkin, request_id)


# --- operations ---


def health() -> Call[types.Health]:
    return _question("health", {}, readers.row)


def schema_version() -> Call[str]:
    return _question("schema_version", {}, readers.text)


def init_workspace(
    workspace_name: str, with_defaults: bool, request_id: RequestId
) -> Call[types.WorkspaceRow]:
    params = {"workspace_name": workspace_name, "with_defaults": with_defaults}
    return _mutation("init_workspace", params, readers.row, request_id)


def list_workspaces() -> Call[list[types.WorkspaceSummary]]:
    return _question("list_workspaces", {}, readers.rows)


def export_state() -> Call[dict[str, Any]]:
    return _question("export_state", {}, readers.row, timeout_s=60.0)


# --- building ---


def new_request_id(given: RequestId = None) -> str:
    """The given id as text, or a fresh one; InvalidArgument when it is no uuid."""
    if given is None:
        return str(uuid4())
    try:
        return str(UUID(str(given)))
    except ValueError as problem:
        detail = {"argument": "request_id", "reason": "is no uuid", "value": repr(given)[:100]}
        raise InvalidArgument(detail=detail) from problem


def _mutation(
    name: str, params: dict[str, Any], read: Callable[[Any], T], request_id: RequestId
) -> Call[T]:
    identity = new_request_id(request_id)
    params["request_id"] = identity
    return Call("POST", f"rpc/{name}", read, encode(params), identity)


def _question(
    name: str, params: dict[str, Any], read: Callable[[Any], T], timeout_s: float | None = None
) -> Call[T]:
    return Call("POST", f"rpc/{name}", read, encode(params), timeout_s=timeout_s)


def _select(
    table: str, workspace: str, filters: Mapping[str, str], read: Callable[[Any], T]
) -> Call[T]:
    # Operators' keys bypass row security, so every read names its workspace.
    query = urlencode({"workspace": f"eq.{workspace}", **filters})
    return Call("GET", f"{table}?{query}", read)


def _publication(
    execution_id: str,
    subsystem: str,
    document: dict[str, Any],
    created_by: str,
    base_version: int | None,
    fencing_token: int | None,
) -> dict[str, Any]:
    return {
        "subsystem": subsystem,
        **document,
        "created_by": created_by,
        "base_version": base_version,
        "fencing_token": fencing_token,
        "execution_id": execution_id,
    }


def _of(subsystem: str) -> dict[str, str]:
    return {"subsystem_name": "eq." + checked_name(subsystem, "subsystem")}


def _version(version: int | None) -> dict[str, str]:
    if version is None:
        return {"order": "version.desc", "limit": "1"}
    return {"version": f"eq.{_whole(version, 'version', 1, 2**31 - 1)}"}


def _newest(limit: int) -> dict[str, str]:
    return {"order": "version.desc", "limit": _limit(limit)}


def _limit(limit: int) -> str:
    return str(_whole(limit, "limit", 1, MAX_ROWS))


def _whole(value: Any, argument: str, least: int, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    reason = f"is no whole number from {least} to {most}"
    raise InvalidArgument(
        detail={"argument": argument, "reason": reason, "value": repr(value)[:100]}
    )


def _object(value: Any, argument: str) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return cast(dict[str, Any], value) if isinstance(value, dict) else dict(value)
    detail = {"argument": argument, "reason": "is no JSON object", "value": repr(value)[:100]}
    raise InvalidArgument(detail=detail, hint=f"Pass {argument} as a dict.")


def _names(value: Any, argument: str) -> list[str]:
    # A single string is iterable too, and would be taken for a list of letters.
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return list(value)
    detail = {"argument": argument, "reason": "is no list of names", "value": repr(value)[:100]}
    raise InvalidArgument(detail=detail, hint=f'Pass {argument} as a list, e.g. ["skeleton"].')
