"""Calls about conflicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sharedstate import readers, types
from sharedstate.calls.arguments import (
    MAX_BIGINT,
    PRIORITIES,
    names_of,
    object_of,
    whole_number,
)
from sharedstate.http.call import Call, RequestId, mutation, repeatable


def log_conflict(
    execution_id: str,
    severity: str,
    source: str,
    target: str,
    description: str,
    details: Mapping[str, Any] | None,
    priority: int,
    blocks: Iterable[str] | None,
    conflict_key: str | None,
    request_id: RequestId,
) -> Call[int]:
    params = {
        "severity": severity,
        "source": source,
        "target": target,
        "description": description,
        "details": None if details is None else object_of(details, "details"),
        "priority": whole_number(priority, "priority", *PRIORITIES),
        "blocks": None if blocks is None else names_of(blocks, "blocks"),
        "execution_id": execution_id,
        "conflict_key": conflict_key,
    }
    return mutation("log_conflict", params, readers.conflict_number, request_id)


def resolve_conflict(
    execution_id: str,
    conflict_id: int,
    resolution: str,
    resolved_by: str,
    budget_transfer: Mapping[str, Any] | None,
    request_id: RequestId,
) -> Call[types.ConflictRow]:
    params = {
        "conflict_id": _number(conflict_id),
        "resolution": resolution,
        "resolved_by": resolved_by,
        "budget_transfer": (
            None if budget_transfer is None else object_of(budget_transfer, "budget_transfer")
        ),
        "execution_id": execution_id,
    }
    return mutation("resolve_conflict", params, readers.row, request_id)


def add_conflict_note(
    execution_id: str, conflict_id: int, agent_name: str, note: str, request_id: RequestId
) -> Call[types.ConflictEventRow]:
    params = {
        "conflict_id": _number(conflict_id),
        "agent_name": agent_name,
        "note": note,
        "execution_id": execution_id,
    }
    return mutation("add_conflict_note", params, readers.row, request_id)


def reassign_conflict(
    execution_id: str,
    conflict_id: int,
    target_agent: str,
    agent_name: str,
    reason: str,
    request_id: RequestId,
) -> Call[types.ConflictRow]:
    params = {
        "conflict_id": _number(conflict_id),
        "target_agent": target_agent,
        "agent_name": agent_name,
        "reason": reason,
        "execution_id": execution_id,
    }
    return mutation("reassign_conflict", params, readers.row, request_id)


def reopen_conflict(
    execution_id: str, conflict_id: int, agent_name: str, reason: str, request_id: RequestId
) -> Call[types.ConflictRow]:
    params = {
        "conflict_id": _number(conflict_id),
        "agent_name": agent_name,
        "reason": reason,
        "execution_id": execution_id,
    }
    return mutation("reopen_conflict", params, readers.row, request_id)


def get_conflict_history(conflict_id: int) -> Call[list[types.ConflictEventRow]]:
    return repeatable("get_conflict_history", {"conflict_id": _number(conflict_id)}, readers.rows)


def is_blocked(agent_name: str) -> Call[bool]:
    return repeatable("is_blocked", {"agent_name": agent_name}, readers.boolean)


def blocked_by(agent_name: str) -> Call[list[types.ConflictRow]]:
    return repeatable("blocked_by", {"agent_name": agent_name}, readers.rows)


def wait_until_unblocked(agent_name: str, until: float) -> Call[types.UnblockWait]:
    params = {"agent_name": agent_name}
    return replace(repeatable("wait_until_unblocked", params, readers.unblock_wait), until=until)


def get_active_conflicts(agent_name: str | None) -> Call[list[types.ConflictRow]]:
    return repeatable("get_active_conflicts", {"agent_name": agent_name}, readers.rows)


def _number(conflict_id: int) -> int:
    return whole_number(conflict_id, "conflict_id", 1, MAX_BIGINT)
