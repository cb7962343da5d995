"""Requirements, interfaces and designs: versioned documents of a subsystem."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from postgrest import AsyncSelectRequestBuilder

from sharedstate import types
from sharedstate._arguments import RequestId
from sharedstate._async.base import AsyncMethods
from sharedstate._rows import row, rows, was_row
from sharedstate.config import checked_name
from sharedstate.drafts import Draft


class AsyncDocumentMethods(AsyncMethods):
    """What a client does about requirements, interfaces and designs."""

    async def update_subsystem_requirements(
        self,
        subsystem: str,
        requirements: Mapping[str, Any],
        created_by: str,
        *,
        base_version: int | None = None,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> types.RequirementsRow:
        """Write a new version of the requirements; also while another execution holds the lock.

        `base_version` is the version you started from, 0 for "there was none": what others
        published since is merged with it, and StaleVersion is raised where both changed the same
        part. LeaseLost when a token is given (none is sent by itself).

        Example:
            >>> await state.update_subsystem_requirements(
            ...     "skeleton", {"max_mass_kg": 14.5}, "system_architect", base_version=0
            ... )
        """
        params = {
            "subsystem": subsystem,
            "requirements": requirements,
            "created_by": created_by,
            "base_version": base_version,
            "fencing_token": fencing_token,
        }
        return await self._change("update_subsystem_requirements", params, row, request_id)

    async def update_subsystem_interfaces(
        self,
        subsystem: str,
        interfaces: Mapping[str, Any],
        created_by: str,
        *,
        base_version: int | None = None,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> types.InterfacesRow:
        """Publish a new version of what other subsystems build on.

        `base_version` as in update_subsystem_requirements. The token of a lease acquired here goes
        along. Raises StaleVersion, ResourceLocked, LeaseLost.

        Example:
            >>> interfaces = {"battery": {"voltage_v": 48}}
            >>> row = await state.update_subsystem_interfaces("power", interfaces, "power_agent")
            >>> print(row["version"])
        """
        params = {
            "subsystem": subsystem,
            "interfaces": interfaces,
            "created_by": created_by,
            "base_version": base_version,
            "fencing_token": self._tokens.of("subsystem", subsystem, fencing_token),
        }
        return await self._change("update_subsystem_interfaces", params, row, request_id)

    async def update_subsystem_design(
        self,
        subsystem: str,
        design_data: Mapping[str, Any],
        created_by: str,
        *,
        base_version: int | None = None,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> types.DesignRow:
        """Write a new version of a design; otherwise as update_subsystem_interfaces.

        To change a part of it: edit_design.

        Example:
            >>> design = {"bones": {"femur": {"length_m": 0.45}}}
            >>> await state.update_subsystem_design("skeleton", design, "skeleton_agent")
        """
        params = {
            "subsystem": subsystem,
            "design_data": design_data,
            "created_by": created_by,
            "base_version": base_version,
            "fencing_token": self._tokens.of("subsystem", subsystem, fencing_token),
        }
        return await self._change("update_subsystem_design", params, row, request_id)

    async def get_subsystem_requirements(
        self, subsystem: str, version: int | None = None
    ) -> types.RequirementsRow | None:
        """The latest requirements, or the given version; None when there is none."""
        query = self._documents("subsystem_requirements", subsystem)
        return await self._one_version(query, version)

    async def get_subsystem_requirements_history(
        self, subsystem: str, limit: int = 50, before_version: int | None = None
    ) -> list[types.RequirementsRow]:
        """The versions of a subsystem's requirements, newest first, older than `before_version`."""
        query = self._documents("subsystem_requirements", subsystem)
        return await self._versions(query, limit, before_version)

    async def get_subsystem_interfaces(
        self, subsystem: str, version: int | None = None
    ) -> types.InterfacesRow | None:
        """The latest interfaces, or the given version; None when there is none."""
        query = self._documents("subsystem_interfaces", subsystem)
        return await self._one_version(query, version)

    async def get_subsystem_interfaces_history(
        self, subsystem: str, limit: int = 50, before_version: int | None = None
    ) -> list[types.InterfacesRow]:
        """The versions of a subsystem's interfaces, newest first, older than `before_version`."""
        query = self._documents("subsystem_interfaces", subsystem)
        return await self._versions(query, limit, before_version)

    async def get_subsystem_design(
        self, subsystem: str, version: int | None = None
    ) -> types.DesignRow | None:
        """The latest design, or the given version; None when there is none."""
        query = self._documents("subsystem_designs", subsystem)
        return await self._one_version(query, version)

    async def get_subsystem_design_history(
        self, subsystem: str, limit: int = 50, before_version: int | None = None
    ) -> list[types.DesignRow]:
        """The versions of a subsystem's design, newest first, older than `before_version`."""
        query = self._documents("subsystem_designs", subsystem)
        return await self._versions(query, limit, before_version)

    def edit_requirements(
        self, subsystem: str, created_by: str | None = None, *, fencing_token: int | None = None
    ) -> AbstractAsyncContextManager[Draft]:
        """The latest requirements, to be changed in place; published when the block ends.

        What others publish meanwhile is merged with it, as update_subsystem_requirements does.
        Nothing is written when nothing was changed, or when the block raises.
        `created_by`: the agent of the token when None, or else the execution_id.

        Example:
            >>> async with state.edit_requirements("skeleton", "system_architect") as requirements:
            ...     requirements["max_mass_kg"] = 14.5
        """
        read, write = self.get_subsystem_requirements, self.update_subsystem_requirements
        return self._edit(read, write, "requirements", subsystem, created_by, fencing_token)

    def edit_interfaces(
        self, subsystem: str, created_by: str | None = None, *, fencing_token: int | None = None
    ) -> AbstractAsyncContextManager[Draft]:
        """The latest interfaces, to be changed in place; otherwise as edit_requirements."""
        read, write = self.get_subsystem_interfaces, self.update_subsystem_interfaces
        return self._edit(read, write, "interfaces", subsystem, created_by, fencing_token)

    def edit_design(
        self, subsystem: str, created_by: str | None = None, *, fencing_token: int | None = None
    ) -> AbstractAsyncContextManager[Draft]:
        """The latest design, to be changed in place; otherwise as edit_requirements."""
        read, write = self.get_subsystem_design, self.update_subsystem_design
        return self._edit(read, write, "design_data", subsystem, created_by, fencing_token)

    async def diff_subsystem_requirements(
        self, subsystem: str, from_version: int, to_version: int
    ) -> list[types.DocumentChange]:
        """What differs between two versions, part by part; version 0 is the empty document.

        Raises UnknownVersion.
        """
        return await self._diff(subsystem, "requirements", from_version, to_version)

    async def diff_subsystem_interfaces(
        self, subsystem: str, from_version: int, to_version: int
    ) -> list[types.DocumentChange]:
        """What differs between two versions; otherwise as diff_subsystem_requirements."""
        return await self._diff(subsystem, "interfaces", from_version, to_version)

    async def diff_subsystem_design(
        self, subsystem: str, from_version: int, to_version: int
    ) -> list[types.DocumentChange]:
        """What differs between two versions; otherwise as diff_subsystem_requirements."""
        return await self._diff(subsystem, "design", from_version, to_version)

    async def record_dependency(
        self,
        subsystem: str,
        on_subsystem: str,
        document: str,
        agent_name: str,
        version: int | None = None,
        *,
        request_id: RequestId = None,
    ) -> types.DependencyRow:
        """Record that a subsystem is made from another's requirements, interfaces or design.

        `version`: the one that was read, the latest when None. It counts at once; what
        checkout_subsystem reads counts with the check-in. When a newer one is published, the
        subsystem is stale: see get_system_status.
        Raises UnknownVersion.
        """
        params = {
            "subsystem": subsystem,
            "on_subsystem": on_subsystem,
            "document": document,
            "agent_name": agent_name,
            "version": version,
        }
        return await self._change("record_dependency", params, row, request_id)

    async def remove_dependency(
        self,
        subsystem: str,
        on_subsystem: str,
        document: str,
        agent_name: str,
        *,
        request_id: RequestId = None,
    ) -> bool:
        """Record that a subsystem no longer builds on another's document; False if it did not."""
        params = {
            "subsystem": subsystem,
            "on_subsystem": on_subsystem,
            "document": document,
            "agent_name": agent_name,
        }
        return await self._change("remove_dependency", params, was_row, request_id)

    async def get_dependencies(self, subsystem: str | None = None) -> list[types.DependencyRow]:
        """Which versions of whose documents a subsystem (or each of them) is made from."""
        query = self._rows("document_dependencies")
        query = query.order("subsystem").order("on_subsystem").order("document")
        if subsystem is not None:
            query = query.eq("subsystem", checked_name(subsystem, "subsystem"))
        return await self._read(query, rows)

    @asynccontextmanager
    async def _edit(
        self,
        read: Callable[..., Any],
        write: Callable[..., Any],
        column: str,
        subsystem: str,
        created_by: str | None,
        fencing_token: int | None,
    ) -> AsyncIterator[Draft]:
        draft = Draft.of_document(await read(subsystem), column)
        yield draft
        if draft.is_changed:
            draft.row = await write(
                subsystem,
                draft,
                self._author(created_by),
                base_version=draft.base_version,
                fencing_token=fencing_token,
            )

    def _documents(self, table: str, subsystem: str) -> AsyncSelectRequestBuilder:
        return self._rows(table).eq("subsystem_name", checked_name(subsystem, "subsystem"))

    async def _diff(
        self, subsystem: str, document: str, from_version: int, to_version: int
    ) -> list[types.DocumentChange]:
        params = {
            "subsystem": subsystem,
            "document": document,
            "from_version": from_version,
            "to_version": to_version,
        }
        return await self._rpc("diff_documents", params, rows)
