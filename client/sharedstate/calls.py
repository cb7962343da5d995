"""Method arguments to calls of functions. Pure: no I/O, no clock; each has its method's name.

Both transports send these alike. The only thing drawn from outside is a fresh request id, where
none is given. Reads of tables are in queries.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from sharedstate import readers, types
from sharedstate.call import Call, RequestId, mutation, question
from sharedstate.errors import InvalidArgument

# --- locks (asking for them: waiting.py) ---


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
    return mutation("renew_lock", params, readers.lease, request_id)


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
    return mutation("release_lock", params, readers.was_row, request_id)


def force_release_lock(
    resource_type: str, resource_name: str, released_by: str, reason: str, request_id: RequestId
) -> Call[types.LockRow | None]:
    params = {
        "resource_type": resource_type,
        "resource_name": resource_name,
        "released_by": released_by,
        "reason": reason,
    }
    return mutation("force_release_lock", params, readers.row_or_none, request_id)


def wait_for_lock(request_id: str) -> Call[types.LockWait]:
    # It changes nothing that a repetition would do twice.
    return question("wait_for_lock", {"request_id": request_id}, readers.lock_wait)


def cancel_lock_request(request_id: str) -> Call[bool]:
    return question("cancel_lock_request", {"request_id": request_id}, readers.boolean)


def get_lock_status(resource_type: str, resource_name: str) -> Call[types.LockStatus]:
    params = {"resource_type": resource_type, "resource_name": resource_name}
    return question("get_lock_status", params, readers.lock_status)


def cleanup_expired_locks() -> Call[int]:
    return question("cleanup_expired_locks", {}, readers.integer)


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
    return mutation("update_subsystem_status", params, readers.row, request_id)


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
    return mutation("update_global_constraints", params, readers.row, request_id)


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
    return mutation("update_subsystem_requirements", params, readers.row, request_id)


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
    return mutation("update_subsystem_interfaces", params, readers.row, request_id)


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
    return mutation("update_subsystem_design", params, readers.row, request_id)


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
    return mutation("log_conflict", params, readers.conflict_number, request_id)


def resolve_conflict(
    execution_id: str, conflict_id: int, resolution: str, resolved_by: str, request_id: RequestId
) -> Call[types.ConflictRow]:
    params = {
        "conflict_id": conflict_id,
        "resolution": resolution,
        "resolved_by": resolved_by,
        "execution_id": execution_id,
    }
    return mutation("resolve_conflict", params, readers.row, request_id)


def get_active_conflicts(agent_name: str | None) -> Call[list[types.ConflictRow]]:
    return question("get_active_conflicts", {"agent_name": agent_name}, readers.rows)


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
    return mutation("log_agent_activity", params, readers.row, request_id)


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
    return mutation("checkout_subsystem", params, readers.checkout_or_none, request_id)


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
    return mutation("checkin_subsystem", params, readers.checkin, request_id)


# --- operations ---


def health() -> Call[types.Health]:
    return question("health", {}, readers.row)


def schema_version() -> Call[str]:
    return question("schema_version", {}, readers.text)


def init_workspace(
    workspace_name: str, with_defaults: bool, request_id: RequestId
) -> Call[types.WorkspaceRow]:
    params = {"workspace_name": workspace_name, "with_defaults": with_defaults}
    return mutation("init_workspace", params, readers.row, request_id)


def list_workspaces() -> Call[list[types.WorkspaceSummary]]:
    return question("list_workspaces", {}, readers.rows)


def export_state() -> Call[dict[str, Any]]:
    return question("export_state", {}, readers.row, timeout_s=60.0)


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
