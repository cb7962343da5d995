"""Calls of operators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sharedstate import readers, types
from sharedstate._numbers import decode_exactly
from sharedstate.http.call import Call, RequestId, mutation, repeatable


def health() -> Call[types.Health]:
    return repeatable("health", {}, readers.row)


def schema_version() -> Call[str]:
    return repeatable("schema_version", {}, readers.text)


def init_workspace(
    workspace_name: str, with_defaults: bool, request_id: RequestId
) -> Call[types.WorkspaceRow]:
    params = {"workspace_name": workspace_name, "with_defaults": with_defaults}
    return mutation("init_workspace", params, readers.row, request_id)


def list_workspaces() -> Call[list[types.WorkspaceSummary]]:
    return repeatable("list_workspaces", {}, readers.rows)


def export_state() -> Call[dict[str, Any]]:
    call = repeatable("export_state", {}, readers.row, timeout_s=60.0)
    return replace(call, parse=decode_exactly)
