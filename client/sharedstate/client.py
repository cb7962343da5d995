"""SharedState: opening and closing it; its methods are in methods/. aio.py is made from this file.

Any method may raise InvalidArgument, ServiceUnavailable, InvalidKey, PermissionDenied and
UnknownWorkspace, and a mutation OutcomeUnknown; docstrings name the rest. See docs/errors.md.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from sharedstate import config
from sharedstate.http.call import Call
from sharedstate.methods.activity import ActivityMethods
from sharedstate.methods.budgets import BudgetMethods
from sharedstate.methods.conflicts import ConflictMethods
from sharedstate.methods.documents import DocumentMethods
from sharedstate.methods.locks import LockMethods
from sharedstate.methods.operations import OperationMethods
from sharedstate.methods.status import StatusMethods
from sharedstate.methods.steps import StepMethods

if TYPE_CHECKING:
    from supabase import Client

    from sharedstate.http.retry import RetryPolicy

T = TypeVar("T")


class SharedState(
    LockMethods,
    StatusMethods,
    BudgetMethods,
    DocumentMethods,
    ConflictMethods,
    ActivityMethods,
    StepMethods,
    OperationMethods,
):
    """Shared state of agents that work on one design.

    Safe to share between threads.

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
    resource is acquired again or released. A thread that acquired the resource sends the token
    that it acquired itself; others send the newest of the client. An explicit `fencing_token` wins.
    A forked child has none of its parent's leases.

    **Locks that last** as long as a block does: `with state.lock(...)`, see `lock`.

    **Retries are automatic.** Each mutation carries a `request_id` and is never done twice.

    Example:
        >>> state = SharedState(execution_id="my-agent-123")
        >>> if state.acquire_lock("subsystem", "skeleton", "skeleton_agent"):
        ...     state.update_subsystem_status("skeleton", {"current_mass_kg": 12.5})
        ...     state.release_lock("subsystem", "skeleton")
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
        from sharedstate.http.transport import Transport
        from sharedstate.locking.background import ThreadBackground
        from sharedstate.locking.leases import Leases

        self._leases = Leases(ThreadBackground.me)
        self._transport = Transport(self._settings, timeout_seconds, retry)
        self._background = ThreadBackground(self._settings, timeout_seconds)

    def _run(self, call: Call[T]) -> T:
        return self._transport.run(call)

    def _pause(self, seconds: float) -> None:
        self._transport.pause(seconds)

    def close(self) -> None:
        """Close all connections. Later calls raise ClientClosed; closing twice is fine.

        Locks that are held are not released by this, but renewed no more: they lapse.
        """
        self._background.stop()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def supabase(self) -> Client:
        """supabase-py on the same connections. Operators: filter by `workspace` yourself."""
        return self._transport.supabase
