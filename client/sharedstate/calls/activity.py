"""Calls about the activity log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sharedstate import readers, types
from sharedstate.calls.arguments import (
    MAX_BIGINT,
    MAX_ROWS,
    object_or_empty,
    objects_of,
    time_of,
    whole_number,
)
from sharedstate.http.call import Call, RequestId, mutation, repeatable

FOLLOWED_AT_ONCE = 500
PRUNED_AT_ONCE = 20_000


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
        "details": object_or_empty(details, "details"),
        "execution_id": execution_id,
    }
    return mutation("log_agent_activity", params, readers.row, request_id)


def log_agent_activities(
    execution_id: str, entries: Iterable[Mapping[str, Any]], request_id: RequestId
) -> Call[list[types.ActivityRow]]:
    params = {"entries": objects_of(entries, "entries"), "execution_id": execution_id}
    return mutation("log_agent_activities", params, readers.rows, request_id)


def get_recent_activity(
    limit: int,
    agent_name: str | None,
    execution_id: str | None,
    activity: str | None,
    since: datetime | str | None,
    until: datetime | str | None,
    before: types.ActivityRow | int | None,
) -> Call[list[types.ActivityRow]]:
    params: dict[str, Any] = {
        "limit_count": whole_number(limit, "limit", 1, MAX_ROWS),
        **_filters(agent_name, execution_id, activity),
    }
    if since is not None:
        params["since"] = time_of(since, "since")
    if until is not None:
        params["until"] = time_of(until, "until")
    if before is not None:
        number = before["id"] if isinstance(before, Mapping) else before
        params["before_id"] = whole_number(number, "before", 1, MAX_BIGINT)
    return repeatable("get_recent_activity", params, readers.rows)


def read_activity(
    cursor: str | None,
    agent_name: str | None,
    execution_id: str | None,
    activity: str | None,
) -> Call[types.ActivityPage]:
    filters = _filters(agent_name, execution_id, activity)
    params = {"cursor": cursor, "limit_count": FOLLOWED_AT_ONCE, **filters}
    return repeatable("read_activity", params, readers.activity_page)


def prune_activity(older_than: datetime | str, request_id: RequestId) -> Call[int]:
    params = {"older_than": time_of(older_than, "older_than"), "limit_count": PRUNED_AT_ONCE}
    return mutation("prune_activity", params, readers.integer, request_id)


def _filters(
    agent_name: str | None, execution_id: str | None, activity: str | None
) -> dict[str, str]:
    given = {"agent_name": agent_name, "execution_id": execution_id, "activity": activity}
    return {name: value for name, value in given.items() if value is not None}
