"""Calls about the status of subsystems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sharedstate import readers, types
from sharedstate.calls.arguments import object_of
from sharedstate.config import checked_name
from sharedstate.http.call import Call, RequestId, mutation, select


def update_subsystem_status(
    execution_id: str,
    subsystem: str,
    status: Mapping[str, Any],
    fencing_token: int | None,
    strict: bool,
    request_id: RequestId,
) -> Call[types.SubsystemRow]:
    params = {
        "subsystem": subsystem,
        "status": object_of(status, "status"),
        "execution_id": execution_id,
        "fencing_token": fencing_token,
        "strict": strict,
    }
    return mutation("update_subsystem_status", params, readers.row, request_id)


def get_subsystem_status(workspace: str, subsystem: str) -> Call[types.SubsystemRow | None]:
    filters = {"name": "eq." + checked_name(subsystem, "subsystem")}
    return select("subsystems", workspace, filters, readers.first_or_none)


def get_all_subsystem_statuses(workspace: str) -> Call[list[types.SubsystemRow]]:
    return select("subsystems", workspace, {"order": "name"}, readers.rows)


def get_system_status(workspace: str) -> Call[list[types.SystemStatusRow]]:
    return select("system_status", workspace, {"order": "name"}, readers.rows)
