"""MADE FROM client.py by scripts/build_async.py: change that file and run the script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sharedstate import calls, config, importing, types
from sharedstate.call import Call, RequestId
from sharedstate.client_locks_async import AsyncSharedStateLocks

if TYPE_CHECKING:
    from supabase import AsyncClient

    from sharedstate.retry import RetryPolicy

T = TypeVar("T")


class AsyncSharedState(AsyncSharedStateLocks):
    """Shared state of agents that work on one design.

    Safe to share between the tasks of an event loop.

    Args:
        execution_id: who locks and writes; made up when None.
        workspace, url, key: default to SHAREDSTATE_WORKSPACE, SUPABASE_URL and SUPABASE_KEY of
            the environment, then of the nearest `.env` from the working directory upwards.
        timeout_seconds: how long one attempt waits for an answer, 15 by default.
        retry: when a call is sent again; `RetryPolicy(attempts=1)` for never.

    Raises NotConfigured when url or key cannot be found.

    **Fencing is automatic.** The client remembers the token of each lease that it acquired, and
    sends it with status, interfaces and design of that subsystem, renewals and releases. A write
    after the lease lapsed raises LeaseLost instead of overwriting another agent's work, until the
    resource is acquired again or released. An explicit `fencing_token` wins.

    **Locks that last** as long as a block does: `with state.lock(...)`, see `lock`.

    **Retries are automatic.** Each mutation carries a `request_id` and is never done twice.

    Example:
        >>> state = AsyncSharedState(execution_id="my-agent-123")
        >>> if await state.acquire_lock("subsystem", "skeleton", "skeleton_agent"):
        ...     await state.update_subsystem_status("skeleton", {"current_mass_kg": 12.5})
        ...     await state.release_lock("subsystem", "skeleton")
    """

    def __init__(
        self,
        execution_id: str | None = None,
        *,
        workspace: str | None = None,
        url: str | None = None,
        key: str | None = None,
        timeout_seconds: float | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        super().__init__(execution_id, config.load(url, key, workspace))
        from sharedstate.renewal import TaskBackground
        from sharedstate.transport_async import AsyncTransport  # httpx: not at `import sharedstate`

        self._transport = AsyncTransport(self._settings, timeout_seconds, retry)
        self._background = TaskBackground(self._settings, timeout_seconds)

    async def _run(self, call: Call[T]) -> T:
        return await self._transport.run(call)

    async def _pause(self, seconds: float) -> None:
        await self._transport.pause(seconds)

    async def close(self) -> None:
        """Close all connections. Later calls raise ClientClosed; closing twice is fine.

        Locks that are held are not released by this, but renewed no more: they lapse.
        """
        await self._background.stop()
        await self._transport.close()

    async def aclose(self) -> None:
        """The same as close, by the name that async libraries use."""
        await self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def supabase(self) -> AsyncClient:
        """supabase-py on the same connections. Operators: filter by `workspace` yourself."""
        return self._transport.supabase

    # --- status ---

    async def update_subsystem_status(
        self,
        subsystem: str,
        status: Mapping[str, Any],
        *,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> types.SubsystemRow:
        """Merge `status` into a subsystem's; absent keys stay, unknown ones go to metadata.

        With `version` (as every status that was read has) it is a compare-and-set. The token of
        a lease acquired here goes along. Raises StaleVersion, ResourceLocked, LeaseLost.
        """
        token = self._leases.token("subsystem", subsystem, fencing_token)
        return await self._run(
            calls.update_subsystem_status(self.execution_id, subsystem, status, token, request_id)
        )

    # --- budgets ---

    async def update_global_constraints(
        self,
        constraints: Mapping[str, Any],
        created_by: str,
        *,
        base_version: int | None = None,
        request_id: RequestId = None,
    ) -> types.GlobalConstraintsRow:
        """Write a new version of the limits; absent keys keep their value.

        `budget_allocations` is replaced whole. Raises StaleVersion.
        """
        call = calls.update_global_constraints(
            self.execution_id, constraints, created_by, base_version, request_id
        )
        return await self._run(call)

    # --- documents ---

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
        """Write a new version of what a subsystem has to meet; a foreign lease does not hinder.

        `base_version` is the version you read, 0 for "there is none". Raises StaleVersion, and
        LeaseLost when a token is given (none is sent by itself).
        """
        call = calls.update_subsystem_requirements(
            self.execution_id, subsystem, requirements, created_by, base_version,
            fencing_token, request_id,
        )  # fmt: skip
        return await self._run(call)

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

        The token of a lease acquired here goes along. Raises StaleVersion (`base_version` is not
        the latest; 0 means "there is none"), ResourceLocked, LeaseLost.
        """
        token = self._leases.token("subsystem", subsystem, fencing_token)
        call = calls.update_subsystem_interfaces(
            self.execution_id, subsystem, interfaces, created_by, base_version, token, request_id
        )
        return await self._run(call)

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
        """Write a new version of a design; otherwise as update_subsystem_interfaces."""
        token = self._leases.token("subsystem", subsystem, fencing_token)
        call = calls.update_subsystem_design(
            self.execution_id, subsystem, design_data, created_by, base_version, token, request_id
        )
        return await self._run(call)

    # --- conflicts ---

    async def log_conflict(
        self,
        severity: str,
        source: str,
        target: str,
        description: str,
        details: Mapping[str, Any] | None = None,
        priority: int = 3,
        blocks: Iterable[str] = (),
        *,
        request_id: RequestId = None,
    ) -> int:
        """Report a conflict; its number. Severity low, medium, high, critical; priority 1..4."""
        call = calls.log_conflict(
            self.execution_id, severity, source, target, description, details, priority,
            blocks, request_id,
        )  # fmt: skip
        return await self._run(call)

    async def resolve_conflict(
        self,
        conflict_id: int,
        resolution: str,
        resolved_by: str,
        *,
        request_id: RequestId = None,
    ) -> types.ConflictRow:
        """Close a conflict. Raises UnknownConflict, ConflictAlreadyResolved."""
        call = calls.resolve_conflict(
            self.execution_id, conflict_id, resolution, resolved_by, request_id
        )
        return await self._run(call)

    async def get_active_conflicts(self, agent_name: str | None = None) -> list[types.ConflictRow]:
        """Open conflicts, most urgent first; of an agent those that concern its subsystem."""
        return await self._run(calls.get_active_conflicts(agent_name))

    # --- activity ---

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

    # --- one round trip ---

    async def checkout_subsystem(
        self,
        subsystem: str,
        agent_name: str,
        ttl_seconds: int = 300,
        *,
        reads: Iterable[str] = (),
        request_id: RequestId = None,
    ) -> types.Checkout | None:
        """AsyncLock a subsystem and read all that its agent needs; None when it is locked.

        `reads`: other subsystems whose interfaces are wanted. End it with checkin_subsystem.
        """
        call = calls.checkout_subsystem(
            self.execution_id, subsystem, agent_name, ttl_seconds, reads, request_id
        )
        return self._leases.note_checkout(await self._run(call))

    async def checkin_subsystem(
        self,
        subsystem: str,
        agent_name: str,
        status: Mapping[str, Any] | None = None,
        *,
        interfaces: Mapping[str, Any] | None = None,
        design_data: Mapping[str, Any] | None = None,
        activity: str | None = None,
        details: Mapping[str, Any] | None = None,
        release: bool = True,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> types.Checkin:
        """Write status and documents, log and release, all or nothing. Raises LeaseLost."""
        token = self._leases.needed("subsystem", subsystem, fencing_token)
        call = calls.checkin_subsystem(
            self.execution_id, subsystem, agent_name, token, status, interfaces, design_data,
            activity, details, release, request_id,
        )  # fmt: skip
        written = await self._run(call)
        if release:
            self._leases.forget("subsystem", subsystem, token)
        return written

    # --- operations ---

    async def health(self) -> types.Health:
        """Whether the service answers, its schema version and its clock."""
        return await self._run(calls.health())

    async def schema_version(self) -> str:
        """Version of the newest migration."""
        return await self._run(calls.schema_version())

    async def init_workspace(
        self, workspace_name: str, with_defaults: bool = True, *, request_id: RequestId = None
    ) -> types.WorkspaceRow:
        """Operators: make a workspace, with the default limits and subsystems. Idempotent."""
        return await self._run(calls.init_workspace(workspace_name, with_defaults, request_id))

    async def list_workspaces(self) -> list[types.WorkspaceSummary]:
        """Operators: all workspaces with their progress."""
        return await self._run(calls.list_workspaces())

    async def import_state(
        self,
        document: Mapping[str, Any],
        *,
        on_progress: Callable[[int, int], None] | None = None,
        request_id: RequestId = None,
    ) -> list[types.ImportCount]:
        """Operators: import a document as export_state gives it; the counts by section.

        It is sent in parts, each a transaction, and may be sent again: what is there, stays.
        `on_progress(done, total)` is called after each part with numbers of entries.
        """
        answers: list[list[types.ImportCount]] = []
        done = 0
        for entries, call in importing.parts(document, request_id):
            answers.append(await self._run(call))
            done += entries
            if on_progress is not None:
                on_progress(done, importing.entry_count(document))
        return importing.total(answers)

    async def export_state(self) -> dict[str, Any]:
        """The whole workspace as one JSON document, in the form that import_state takes."""
        return await self._run(calls.export_state())
