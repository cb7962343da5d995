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
    """A step of a follower: entries, where to go on, whether there is `more` at once.

    Else it asks again after `retry_ms`.
    """

    entries: list[ActivityRow]
    cursor: str
    more: bool
    retry_ms: int
