"""MADE FROM client.py by scripts/build_async.py: change that file, run the script."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from sharedstate import config
from sharedstate.http.call import Call
from sharedstate.methods_async.activity import AsyncActivityMethods
from sharedstate.methods_async.budgets import AsyncBudgetMethods
from sharedstate.methods_async.conflicts import AsyncConflictMethods
from sharedstate.methods_async.documents import AsyncDocumentMethods
from sharedstate.methods_async.locks import AsyncLockMethods
from sharedstate.methods_async.operations import AsyncOperationMethods
from sharedstate.methods_async.status import AsyncStatusMethods
from sharedstate.methods_async.steps import AsyncStepMethods

if TYPE_CHECKING:
    from supabase import AsyncClient

    from sharedstate.http.retry import RetryPolicy

T = TypeVar("T")


class AsyncSharedState(
    AsyncLockMethods,
    AsyncStatusMethods,
    AsyncBudgetMethods,
    AsyncDocumentMethods,
    AsyncConflictMethods,
    AsyncActivityMethods,
    AsyncStepMethods,
    AsyncOperationMethods,
):
    """Shared state of agents that work on one design.

    Safe to share between the tasks of an event loop.

    Args:
        execution_id: one run of one agent: who locks and writes. Made up when None. Processes with
            the same id are one agent to the database: each writes and releases what another of
            them locked. So take a new one for each run, unless a run has several processes.
        workspace, url, key: default to SHAREDSTATE_WORKSPACE, SUPABASE_URL and SUPABASE_KEY of
            the environment, then of the nearest `.env` from the working directory upwards.
        timeout_seconds: how long one attempt waits for an answer, 15 by default.
        retry: when a call is sent again; `RetryPolicy(attempts=1)` for never.

    Raises NotConfigured when url or key cannot be found.

    **Fencing is automatic.** The client remembers the token of each lease that it acquired, and
    sends it with status, interfaces and design of that subsystem, renewals and releases. A write
    after the lease lapsed raises LeaseLost instead of overwriting another agent's work, until the
    resource is acquired again or released. A task that acquired the resource sends the token
    that it acquired itself; others send the newest of the client. An explicit `fencing_token` wins.
    A forked child has none of its parent's leases.

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
        # httpx: not at `import sharedstate`.
        from sharedstate.http.transport_async import AsyncTransport
        from sharedstate.locking.background import TaskBackground
        from sharedstate.locking.leases import Leases

        self._leases = Leases(TaskBackground.me)
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
