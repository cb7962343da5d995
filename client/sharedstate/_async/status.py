"""The status of subsystems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sharedstate import types
from sharedstate._arguments import RequestId
from sharedstate._async.base import AsyncMethods
from sharedstate._rows import first_or_none, row, rows
from sharedstate.config import checked_name


class AsyncStatusMethods(AsyncMethods):
    """What a client does about the status of subsystems."""

    async def update_subsystem_status(
        self,
        subsystem: str,
        status: Mapping[str, Any],
        *,
        fencing_token: int | None = None,
        strict: bool = False,
        request_id: RequestId = None,
    ) -> types.SubsystemRow:
        """Merge `status` into a subsystem's; absent keys stay, unknown ones go to metadata.

        Keys: `state` ("designing", "complete" or any other words), `current_mass_kg` (kg),
        `current_cost_usd` (USD), `current_power_w` (W), `iteration`, `metadata`, `version`. An
        unknown subsystem is made.

        With `version` (as every status that was read has) it is a compare-and-set. The token of
        a lease acquired here goes along. Raises StaleVersion, ResourceLocked, LeaseLost.

        The database finds out `within_budget` by itself, and opens a conflict to system_architect
        while the subsystem is over its budget; with `strict` it raises OverBudget instead.

        Example:
            >>> await state.update_subsystem_status("skeleton", {"state": "designing",
            ...     "current_mass_kg": 12.5, "current_cost_usd": 2400, "current_power_w": 80})
        """
        params = {
            "subsystem": subsystem,
            "status": status,
            "fencing_token": self._tokens.of("subsystem", subsystem, fencing_token),
            "strict": strict,
        }
        return await self._change("update_subsystem_status", params, row, request_id)

    async def get_subsystem_status(self, subsystem: str) -> types.SubsystemRow | None:
        """A subsystem's status, None when there is no such subsystem."""
        query = self._rows("subsystems").eq("name", checked_name(subsystem, "subsystem"))
        return await self._read(query, first_or_none)

    async def get_all_subsystem_statuses(self) -> list[types.SubsystemRow]:
        """The status of every subsystem, by name."""
        return await self._read(self._rows("subsystems").order("name"), rows)

    async def get_system_status(self) -> list[types.SystemStatusRow]:
        """Every subsystem with its budget, lock holder and number of open conflicts, by name."""
        return await self._read(self._rows("system_status").order("name"), rows)
