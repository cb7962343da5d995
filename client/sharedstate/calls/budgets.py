"""Calls about the limits and budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sharedstate import readers, types
from sharedstate.calls.arguments import (
    MAX_VERSION,
    TTL_SECONDS,
    newest_filter,
    object_of,
    version_filter,
    whole_number,
)
from sharedstate.config import checked_name
from sharedstate.http.call import Call, RequestId, mutation, repeatable, select


def update_global_constraints(
    execution_id: str,
    constraints: Mapping[str, Any],
    created_by: str,
    base_version: int | None,
    request_id: RequestId,
) -> Call[types.GlobalConstraintsRow]:
    params = {
        "constraints": object_of(constraints, "constraints"),
        "created_by": created_by,
        "base_version": base_version,
        "execution_id": execution_id,
    }
    return mutation("update_global_constraints", params, readers.row, request_id)


def get_global_constraints(
    workspace: str, version: int | None
) -> Call[types.GlobalConstraintsRow | None]:
    return select("global_constraints", workspace, version_filter(version), readers.first_or_none)


def get_global_constraints_history(
    workspace: str, limit: int, before_version: int | None
) -> Call[list[types.GlobalConstraintsRow]]:
    return select(
        "global_constraints", workspace, newest_filter(limit, before_version), readers.rows
    )


def diff_global_constraints(from_version: int, to_version: int) -> Call[list[types.DocumentChange]]:
    params = {
        "from_version": whole_number(from_version, "from_version", 0, MAX_VERSION),
        "to_version": whole_number(to_version, "to_version", 0, MAX_VERSION),
    }
    return repeatable("diff_global_constraints", params, readers.rows)


def get_budget_usage(workspace: str, subsystem: str | None) -> Call[list[types.BudgetUsageRow]]:
    filters = {"order": "scope,name,quantity"}
    if subsystem is not None:
        filters["name"] = "eq." + checked_name(subsystem, "subsystem")
    return select("budget_usage", workspace, filters, readers.rows)


def transfer_budget(
    execution_id: str,
    from_subsystem: str,
    to_subsystem: str,
    amounts: Mapping[str, float],
    reason: str,
    agent_name: str | None,
    reservation_id: str | None,
    request_id: RequestId,
) -> Call[types.GlobalConstraintsRow]:
    params = {
        "from_subsystem": from_subsystem,
        "to_subsystem": to_subsystem,
        **amounts,
        "reason": reason,
        "agent_name": agent_name,
        "reservation_id": reservation_id,
        "execution_id": execution_id,
    }
    return mutation("transfer_budget", params, readers.row, request_id)


def reserve_budget(
    execution_id: str,
    subsystem: str,
    agent_name: str,
    amounts: Mapping[str, float],
    ttl_seconds: int,
    fencing_token: int | None,
    locked_subsystem: str | None,
    request_id: RequestId,
) -> Call[dict[str, Any] | None]:
    params = {
        "subsystem": subsystem,
        "agent_name": agent_name,
        "execution_id": execution_id,
        **amounts,
        "ttl_seconds": whole_number(ttl_seconds, "ttl_seconds", *TTL_SECONDS),
        "fencing_token": fencing_token,
        "locked_subsystem": locked_subsystem,
    }
    return mutation("reserve_budget", params, readers.reservation_or_none, request_id)


def release_budget(execution_id: str, reservation_id: str, request_id: RequestId) -> Call[bool]:
    params = {"reservation_id": reservation_id, "execution_id": execution_id}
    return mutation("release_budget", params, readers.was_row, request_id)
