"""MADE FROM methods/activity.py by scripts/build_async.py: change that file, run the script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sharedstate import types
from sharedstate.calls import activity as calls
from sharedstate.feeds_async import AsyncActivityFeed
from sharedstate.following import Following
from sharedstate.http.call import RequestId, new_request_id
from sharedstate.methods_async.core import AsyncCoreMethods


class AsyncActivityMethods(AsyncCoreMethods):
    """What AsyncSharedState does about the activity log."""

    async def log_agent_activity(
        self,
        agent_name: str,
        activity: str,
        details: Mapping[str, Any] | None = None,
        *,
        request_id: RequestId = None,
    ) -> types.ActivityRow:
        """Note what an agent did. Activity has 1..200 characters; data goes into details."""
        return await self._run(
            calls.log_agent_activity(self.execution_id, agent_name, activity, details, request_id)
        )

    async def log_agent_activities(
        self, entries: Iterable[Mapping[str, Any]], *, request_id: RequestId = None
    ) -> list[types.ActivityRow]:
        """Note 1..1000 things in one call, all or none; the rows in the same order.

        Example:
            >>> steps = ("bones_designed", "joints_designed")
            >>> entries = [{"agent_name": "skeleton_agent", "activity": step} for step in steps]
            >>> await state.log_agent_activities(entries)
        """
        return await self._run(calls.log_agent_activities(self.execution_id, entries, request_id))

    async def get_recent_activity(
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
            >>> page = await state.get_recent_activity(100)
            >>> older = await state.get_recent_activity(100, before=page[-1])
        """
        return await self._run(
            calls.get_recent_activity(
                limit, agent_name, execution_id, activity, since, until, before
            )
        )

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
    ) -> AsyncActivityFeed:
        """Iterate over entries as they are written: none is missed, none comes twice.

        It begins at `since_cursor` (the `.cursor` of an earlier one), or with the log's first
        entry (`from_start`), or with what is written after `with`, or the first step, began. It
        asks every `poll_seconds`; left out, every 0.1 s while entries are written, and up to
        every 2.4 s in quiet times. It ends when no entry came for `timeout` seconds, or by `close`.
        Once begun, an outage of the service only delays it. Raises LogRestored.

        Example:
            >>> async with state.follow_activity(activity="design_updated", timeout=60) as feed:
            ...     async for entry in feed:
            ...         print(entry["agent_name"], entry["details"])
        """
        filters = (agent_name, execution_id, activity)
        following = Following(filters, since_cursor, from_start, poll_seconds, timeout)
        return AsyncActivityFeed(self, following)

    async def prune_activity(
        self,
        older_than: datetime | str,
        *,
        request_id: RequestId = None,
    ) -> int:
        """Operators: delete all entries older than a time in the past. How many they were.

        It works in many short transactions, so it may be interrupted and called again.
        """
        base = UUID(new_request_id(request_id))
        total = batch = 0
        while True:
            call = calls.prune_activity(older_than, uuid5(base, str(batch)))
            count = await self._run(call)
            total, batch = total + count, batch + 1
            if count == 0:
                return total
