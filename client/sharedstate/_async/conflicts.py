"""Conflicts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from sharedstate import _clock, types
from sharedstate._arguments import RequestId, pause_of, seconds_of
from sharedstate._async.base import AsyncMethods
from sharedstate._rows import boolean, integer, row, rows


class AsyncConflictMethods(AsyncMethods):
    """What a client does about conflicts."""

    async def log_conflict(
        self,
        severity: str,
        source: str,
        target: str,
        description: str,
        details: Mapping[str, Any] | None = None,
        priority: int = 3,
        blocks: Iterable[str] | None = None,
        *,
        conflict_key: str | None = None,
        request_id: RequestId = None,
    ) -> int:
        """Report a conflict, get its number. Severity low, medium, high, critical; priority 1..4.

        `blocks`: agents that should wait until it is resolved; a critical conflict keeps them from
        checking out. With a `conflict_key`, what it is about in the reporter's words, a report of
        the same source, target and key is counted on the conflict that is open, and brings it up
        to date; `details` and `blocks` that are not given stay as they are.

        Example:
            >>> await state.log_conflict(
            ...     "high", "actuation_agent", "system_architect", "200 W too much",
            ...     {"over_w": 200}, blocks=["power_agent"], conflict_key="power",
            ... )
            1
        """
        params = {
            "severity": severity,
            "source": source,
            "target": target,
            "description": description,
            "details": details,
            "priority": priority,
            "blocks": blocks,
            "conflict_key": conflict_key,
        }
        return await self._change("log_conflict", params, _number, request_id)

    async def resolve_conflict(
        self,
        conflict_id: int,
        resolution: str,
        resolved_by: str,
        *,
        budget_transfer: types.BudgetTransfer | None = None,
        request_id: RequestId = None,
    ) -> types.ConflictRow:
        """Close a conflict. Raises UnknownConflict, ConflictAlreadyResolved.

        `budget_transfer` moves budget as `transfer_budget` does, and raises what that raises: the
        conflict is resolved and the budget moved, or neither.

        Example:
            >>> await state.resolve_conflict(
            ...     1, "50 W from the reserve.", "system_architect", budget_transfer={
            ...         "from_subsystem": "reserve", "to_subsystem": "actuation", "power_w": 50,
            ...     },
            ... )
        """
        params = {
            "conflict_id": conflict_id,
            "resolution": resolution,
            "resolved_by": resolved_by,
            "budget_transfer": budget_transfer,
        }
        return await self._change("resolve_conflict", params, row, request_id)

    async def add_conflict_note(
        self, conflict_id: int, agent_name: str, note: str, *, request_id: RequestId = None
    ) -> types.ConflictEventRow:
        """Add a note to the history of a conflict, open or resolved. Raises UnknownConflict."""
        params = {"conflict_id": conflict_id, "agent_name": agent_name, "note": note}
        return await self._change("add_conflict_note", params, row, request_id)

    async def reassign_conflict(
        self,
        conflict_id: int,
        target_agent: str,
        agent_name: str,
        reason: str,
        *,
        request_id: RequestId = None,
    ) -> types.ConflictRow:
        """Let another agent resolve an open conflict; `agent_name` is who decides it.

        Reports to its old target are still counted on it. Raises UnknownConflict,
        ConflictAlreadyResolved, ConflictDuplicate.
        """
        params = {
            "conflict_id": conflict_id,
            "target_agent": target_agent,
            "agent_name": agent_name,
            "reason": reason,
        }
        return await self._change("reassign_conflict", params, row, request_id)

    async def reopen_conflict(
        self, conflict_id: int, agent_name: str, reason: str, *, request_id: RequestId = None
    ) -> types.ConflictRow:
        """Open a resolved conflict again; it blocks the same agents as before.

        Raises UnknownConflict, ConflictNotResolved, ConflictDuplicate, and InvalidArgument for the
        database's own about budgets: they follow the overrun.
        """
        params = {"conflict_id": conflict_id, "agent_name": agent_name, "reason": reason}
        return await self._change("reopen_conflict", params, row, request_id)

    async def get_conflict_history(self, conflict_id: int) -> list[types.ConflictEventRow]:
        """All that happened to a conflict, in order. Raises UnknownConflict."""
        return await self._rpc("get_conflict_history", {"conflict_id": conflict_id}, rows)

    async def is_blocked(self, agent_name: str) -> bool:
        """Whether an open conflict blocks this agent, under any name of its subsystem."""
        return await self._rpc("is_blocked", {"agent_name": agent_name}, boolean)

    async def blocked_by(self, agent_name: str) -> list[types.ConflictRow]:
        """The open conflicts that block this agent, most urgent first."""
        return await self._rpc("blocked_by", {"agent_name": agent_name}, rows)

    async def wait_until_unblocked(self, agent_name: str, timeout: float | None = None) -> bool:
        """Wait until no open conflict blocks this agent; False when `timeout` seconds are over.

        None waits for ever, 0 only looks. It asks again the more seldom, the longer the agent has
        been blocked, so it returns late by up to an eighth of that time, at most 2.4 s.

        Example:
            >>> if not await state.wait_until_unblocked("power_agent", timeout=600):
            ...     print(await state.blocked_by("power_agent"))
        """
        hint = "Pass seconds of at least 0, or None to wait for ever."
        wait_s = math.inf if timeout is None else seconds_of(timeout, "timeout", hint=hint)
        ends = _clock.now() + wait_s
        # Without a wait it is an ordinary call.
        until, params = ends if wait_s else math.inf, {"agent_name": agent_name}
        while True:
            answer = await self._rpc("wait_until_unblocked", params, row, until=until)
            if not answer["blocked"]:
                return True
            left_s = ends - _clock.now()
            if left_s <= 0:
                return False
            # The last pause ends with the time, and one more look follows it.
            await self._pause(min(pause_of(answer["retry_ms"]), left_s))

    async def get_active_conflicts(self, agent_name: str | None = None) -> list[types.ConflictRow]:
        """Open conflicts, most urgent first; with a name, only those that concern that agent.

        That is where an agent of the same subsystem ("power", "power_agent", "power_designer") is
        source, target or blocked.

        Example:
            >>> for conflict in await state.get_active_conflicts("power_agent"):
            ...     print(conflict["conflict_id"], conflict["severity"], conflict["description"])
        """
        return await self._rpc("get_active_conflicts", {"agent_name": agent_name}, rows)


def _number(answer: Any) -> int:
    return integer(row(answer)["conflict_id"])
