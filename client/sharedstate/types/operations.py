"""What operators see."""

from __future__ import annotations

from typing import TypedDict


class WorkspaceRow(TypedDict):
    """A workspace as `init_workspace` returns it."""

    name: str
    created_at: str
    last_conflict_id: int


class WorkspaceSummary(TypedDict):
    """A workspace as `list_workspaces` returns it."""

    name: str
    created_at: str
    subsystems: int
    complete: int
    open_conflicts: int


class Health(TypedDict):
    """What `health` answers."""

    status: str
    schema_version: str
    server_time: str
