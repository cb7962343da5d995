"""The activity log, and following it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID, uuid5

from sharedstate import _clock, types
from sharedstate._arguments import RequestId, limit_of, pause_of, request_id_of, seconds_of
from sharedstate._rows import boolean, integer, row, rows, text
from sharedstate._sync.base import Methods
from sharedstate.errors import InvalidArgument, ServiceUnavailable, StatementTimeout

_FOLLOWED_AT_ONCE = 500
_PRUNED_AT_ONCE = 20_000
_START = "0/0"


class ActivityMethods(Methods):
    """What a client does about the activity log."""

    def log_agent_activity(
        self,
        agent_name: str,
        activity: str,
        details: Mapping[str, Any] | None = None,
        *,
        request_id: RequestId = None,
    ) -> types.ActivityRow:
        """Log what an agent did. Activity has 1..200 characters; data goes into details."""
        params = {
            "agent_name": agent_name,
            "activity": activity,
            "details": {} if details is None else details,
        }
        return self._change("log_agent_activity", params, row, request_id)

    def log_agent_activities(
        self, entries: Iterable[Mapping[str, Any]], *, request_id: RequestId = None
    ) -> list[types.ActivityRow]:
        """Log 1..1000 entries in one call, all or none. Returns the rows in the same order.

        Example:
            >>> steps = ("bones_designed", "joints_designed")
            >>> entries = [{"agent_name": "skeleton_agent", "activity": step} for step in steps]
            >>> state.log_agent_activities(entries)
        """
        params = {"entries": entries}
        return self._change("log_agent_activities", params, rows, request_id)

    def get_recent_activity(
        self,
        limit: int = 50,
        agent_name: str | None = None,
        *,
        execution_id: str | None = None,
        activity: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        before: types.ActivityRow | int | None = None,
    ) -> list[types.ActivityRow]:
        """Up to `limit` (1..10,000) entries of the log, newest first.

        Only those of an agent, an execution, an activity, of `since` or later, earlier than
        `until`, as far as these are given. `before`: an entry or its id, for the next page.

        Example:
            >>> page = state.get_recent_activity(100)
            >>> older = state.get_recent_activity(100, before=page[-1])
        """
        filters = {
            "agent_name": agent_name,
            "execution_id": execution_id,
            "activity": activity,
            "since": since,
            "until": until,
            "before_id": before["id"] if isinstance(before, Mapping) else before,
        }
        params = {"limit_count": limit_of(limit), **_given(filters)}
        return self._rpc("get_recent_activity", params, rows)

    def follow_activity(
        self,
        agent_name: str | None = None,
        *,
        execution_id: str | None = None,
        activity: str | None = None,
        since_cursor: str | None = None,
        from_start: bool = False,
        poll_seconds: float | None = None,
        timeout: float | None = None,
    ) -> ActivityFeed:
        """Iterate over entries as they are written: none is missed, none comes twice.

        It begins at `since_cursor` (the `.cursor` of an earlier one), or with the log's first
        entry (`from_start`), or with what is written after `with`, or the first step, began. It
        asks every `poll_seconds`; left out, every 0.1 s while entries are written, and up to
        every 2.4 s in quiet times. It ends when no entry came for `timeout` seconds, or by `close`.
        Once begun, an outage of the service only delays it. Raises LogRestored.

        Example:
            >>> with state.follow_activity(activity="design_updated", timeout=60) as feed:
            ...     for entry in feed:
            ...         print(entry["agent_name"], entry["details"])
        """
        if since_cursor is not None and from_start:
            hint = "Give one of them, or none."
            raise InvalidArgument.of("from_start", "cannot go with since_cursor", hint=hint)
        filters = {"agent_name": agent_name, "execution_id": execution_id, "activity": activity}
        return ActivityFeed(
            self,
            _given(filters),
            _START if from_start else since_cursor,
            None if poll_seconds is None else seconds_of(poll_seconds, "poll_seconds", 0.01),
            None if timeout is None else seconds_of(timeout, "timeout"),
        )

    def prune_activity(
        self,
        older_than: datetime | str,
        *,
        request_id: RequestId = None,
    ) -> int:
        """Operators: delete all entries older than a time in the past. Returns how many.

        It works in many short transactions, so it may be interrupted and called again.
        """
        base = UUID(request_id_of(request_id))
        total = batch = 0
        while True:
            params = {
                "older_than": older_than,
                "limit_count": _PRUNED_AT_ONCE,
                "request_id": uuid5(base, str(batch)),
            }
            count = self._rpc("prune_activity", params, integer)
            total, batch = total + count, batch + 1
            if count == 0:
                return total


class ActivityFeed:
    """Entries of the activity log, in the order of their transactions. See `follow_activity`.

    An iterator for one thread or task. After a timeout it can be iterated again, and goes on.
    `cursor` is where another feed goes on after the entry that came out last; None before it began.
    """

    def __init__(
        self,
        state: Methods,
        filters: Mapping[str, str],
        cursor: str | None,
        poll_s: float | None,
        timeout_s: float | None,
    ) -> None:
        self._state = state
        self._filters = filters
        self._poll_s = poll_s
        self._timeout_s = timeout_s
        self.cursor = self._fetched_to = cursor
        self._fetched: deque[types.ActivityRow] = deque()
        # Until there is an answer, as after one while entries come.
        self._retry_ms = 100
        self._has_begun = self._is_closed = False

    def close(self) -> None:
        """End the feed: the iteration stops at its next step. May be called from anywhere."""
        self._is_closed = True

    def __enter__(self) -> Self:
        """Begin here, with entries that are written from now on."""
        if self.cursor is None:
            self._fetch()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = True

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> types.ActivityRow:
        began = _clock.now()
        # Without a wait there is no deadline.
        until = began + self._timeout_s if self._timeout_s else math.inf
        while not self._is_closed:
            if self._fetched:
                return self._take()
            if self._fetch(until):
                continue
            pause_s = pause_of(self._retry_ms) if self._poll_s is None else self._poll_s
            if self._timeout_s is not None:
                pause_s = min(pause_s, began + self._timeout_s - _clock.now())
            if pause_s <= 0:
                break
            self._state._pause(pause_s)
        raise StopIteration

    def _take(self) -> types.ActivityRow:
        entry = self._fetched.popleft()
        behind = f"{entry['transaction_id']}/{entry['id']}"
        # The search for the last one may have gone on past entries that are not wanted.
        self.cursor = behind if self._fetched else self._fetched_to
        return entry

    def _fetch(self, until: float = math.inf) -> bool:
        """Ask once. Returns whether to go on at once."""
        params = {
            "cursor": self._fetched_to,
            "limit_count": _FOLLOWED_AT_ONCE,
            **self._filters,
        }
        try:
            page = self._state._rpc("read_activity", params, _page, until=until)
        except (ServiceUnavailable, StatementTimeout):
            # Before the first answer the URL may be wrong. Later an outage only delays: the next
            # answer begins where the last one ended.
            if not self._has_begun:
                raise
            return False
        self._has_begun = True
        self._fetched.extend(page["entries"])
        self._fetched_to, self._retry_ms = page["cursor"], page["retry_ms"]
        if not self._fetched:
            self.cursor = self._fetched_to  # past entries that are not wanted
        return bool(self._fetched) or page["more"]


def _given(filters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in filters.items() if value is not None}


def _page(answer: Any) -> dict[str, Any]:
    found = row(answer)
    return {
        "entries": rows(found["entries"]),
        "cursor": text(found["cursor"]),
        "more": boolean(found["more"]),
        "retry_ms": integer(found["retry_ms"]),
    }
