"""The activity log."""

from __future__ import annotations

from typing import Any, TypedDict


class ActivityRow(TypedDict):
    """Row of `agent_activity_logs`."""

    workspace: str
    id: int
    agent_name: str
    activity: str
    details: dict[str, Any]
    execution_id: str | None
    timestamp: str
    import_key: str | None
    transaction_id: str


class ActivityPage(TypedDict):
    """A step of a follower: entries, where to go on, and whether there is more at once."""

    entries: list[ActivityRow]
    cursor: str
    more: bool
