"""MADE FROM client_reads.py by scripts/build_async.py: change that file and run the script."""

from __future__ import annotations

from typing import TypeVar

from sharedstate import queries, types
from sharedstate.base import ClientBase
from sharedstate.call import Call

T = TypeVar("T")


class AsyncSharedStateReads(ClientBase):
    """What AsyncSharedState reads directly from tables and views, always of its own workspace."""

    async def _run(self, call: Call[T]) -> T:
        raise NotImplementedError

    async def get_lock(self, resource_type: str, resource_name: str) -> types.LockRow | None:
        """Who holds a lock, None when nobody does."""
        return await self._run(queries.get_lock(self.workspace, resource_type, resource_name))

    async def get_subsystem_status(self, subsystem: str) -> types.SubsystemRow | None:
        """A subsystem's status, None when there is no such subsystem."""
        return await self._run(queries.get_subsystem_status(self.workspace, subsystem))

    async def get_all_subsystem_statuses(self) -> list[types.SubsystemRow]:
        """The status of every subsystem, by name."""
        return await self._run(queries.get_all_subsystem_statuses(self.workspace))

    async def get_system_status(self) -> list[types.SystemStatusRow]:
        """Every subsystem with its budget, lock holder and number of open conflicts, by name."""
        return await self._run(queries.get_system_status(self.workspace))

    async def get_global_constraints(
        self, version: int | None = None
    ) -> types.GlobalConstraintsRow | None:
        """The latest limits and budgets, or the given version; None when there is none."""
        return await self._run(queries.get_global_constraints(self.workspace, version))

    async def get_global_constraints_history(
        self,
        limit: int = 50,
    ) -> list[types.GlobalConstraintsRow]:
        """The versions of the limits, newest first."""
        return await self._run(queries.get_global_constraints_history(self.workspace, limit))

    async def get_subsystem_requirements(
        self, subsystem: str, version: int | None = None
    ) -> types.RequirementsRow | None:
        """The latest requirements, or the given version; None when there is none."""
        call = queries.get_subsystem_requirements(self.workspace, subsystem, version)
        return await self._run(call)

    async def get_subsystem_interfaces(
        self, subsystem: str, version: int | None = None
    ) -> types.InterfacesRow | None:
        """The latest interfaces, or the given version; None when there is none."""
        call = queries.get_subsystem_interfaces(self.workspace, subsystem, version)
        return await self._run(call)

    async def get_subsystem_design(
        self, subsystem: str, version: int | None = None
    ) -> types.DesignRow | None:
        """The latest design, or the given version; None when there is none."""
        call = queries.get_subsystem_design(self.workspace, subsystem, version)
        return await self._run(call)

    async def get_subsystem_requirements_history(
        self, subsystem: str, limit: int = 50
    ) -> list[types.RequirementsRow]:
        """The versions of a subsystem's requirements, newest first."""
        call = queries.get_subsystem_requirements_history(self.workspace, subsystem, limit)
        return await self._run(call)

    async def get_subsystem_interfaces_history(
        self, subsystem: str, limit: int = 50
    ) -> list[types.InterfacesRow]:
        """The versions of a subsystem's interfaces, newest first."""
        call = queries.get_subsystem_interfaces_history(self.workspace, subsystem, limit)
        return await self._run(call)

    async def get_subsystem_design_history(
        self, subsystem: str, limit: int = 50
    ) -> list[types.DesignRow]:
        """The versions of a subsystem's design, newest first."""
        call = queries.get_subsystem_design_history(self.workspace, subsystem, limit)
        return await self._run(call)

    async def get_recent_activity(
        self, limit: int = 50, agent_name: str | None = None
    ) -> list[types.ActivityRow]:
        """The last entries of the log, newest first; of one agent when it is named."""
        return await self._run(queries.get_recent_activity(self.workspace, limit, agent_name))
