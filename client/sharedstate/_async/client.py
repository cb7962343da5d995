"""Opening and closing a client; its methods are in the other files of this folder.

Any method may raise InvalidArgument, ServiceUnavailable, InvalidKey, PermissionDenied and
UnknownWorkspace, and a mutation OutcomeUnknown; docstrings name the rest. See docs/errors.md.
"""

from __future__ import annotations

from typing import NoReturn, Self
from uuid import uuid4

from supabase import AsyncClient, AsyncClientOptions

from sharedstate import config
from sharedstate._async.activity import AsyncActivityMethods
from sharedstate._async.budgets import AsyncBudgetMethods
from sharedstate._async.conflicts import AsyncConflictMethods
from sharedstate._async.documents import AsyncDocumentMethods
from sharedstate._async.locks import AsyncLockMethods
from sharedstate._async.operations import AsyncOperationMethods
from sharedstate._async.status import AsyncStatusMethods
from sharedstate._async.steps import AsyncStepMethods
from sharedstate._background import Background
from sharedstate._http import Service
from sharedstate._http_async import AsyncHttpClient
from sharedstate._retry import RetryPolicy
from sharedstate._running import AsyncClosing, current_task, join_from_task
from sharedstate._tokens import Tokens


class AsyncSharedState(
    AsyncLockMethods,
    AsyncStatusMethods,
    AsyncBudgetMethods,
    AsyncDocumentMethods,
    AsyncConflictMethods,
    AsyncActivityMethods,
    AsyncStepMethods,
    AsyncOperationMethods,
    AsyncClosing,
):
    """Shared state of agents that work on one design.

    Safe to share between threads (SharedState) or the tasks of an event loop (AsyncSharedState).
    `supabase` is the client of supabase-py by which all calls go; operators who use it themselves
    filter by `workspace`.

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
    resource is acquired again or released. A thread or task that acquired the resource sends the
    token that it acquired itself; others send the newest of the client. An explicit `fencing_token`
    wins.

    **Locks that last** as long as a block does: `with state.lock(...)`, see `lock`.

    **Retries are automatic.** Each mutation carries a `request_id` and is never done twice.

    A child that was forked raises ClientForked: make a client in each process. A signal handler
    that interrupts a call raises ReentrantCall: it may make a client of its own, or set a flag.

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
        given = f"execution-{uuid4()}" if execution_id is None else execution_id
        service = Service(config.load(url, key, workspace), timeout_seconds, retry)
        self._open(config.checked_name(given, "execution_id"), service)

    @classmethod
    def _of(cls, execution_id: str, service: Service) -> Self:
        """A client beside another one, with the same settings, also when those change."""
        made = cls.__new__(cls)
        made._open(execution_id, service)
        return made

    def _open(self, execution_id: str, service: Service) -> None:
        self._service, self._settings = service, service.settings
        self._http = AsyncHttpClient(service)
        self.supabase = AsyncClient(
            self._settings.url,
            self._settings.key,
            AsyncClientOptions(
                httpx_client=self._http,
                headers=dict(service.headers),
                postgrest_client_retry=False,  # its own knows GET alone
                auto_refresh_token=False,
                persist_session=False,
            ),
        )
        self._begin(execution_id)

    def _begin(self, execution_id: str) -> None:
        self.execution_id = execution_id
        self._tokens = Tokens(current_task, self._service.refuse_if_forked)
        self._background = Background(execution_id, self._service)

    def for_execution(self, execution_id: str) -> Self:
        """A client of another execution, over the same connections: closing one closes both.

        For a program that serves many agents. Leases and tokens are each client's own.
        """
        made = type(self).__new__(type(self))
        made._service, made._settings = self._service, self._settings
        made._http, made.supabase = self._http, self.supabase
        made._begin(config.checked_name(execution_id, "execution_id"))
        return made

    def for_token(self, token: str) -> Self:
        """A client that speaks for whom `token` names, in the workspace that it pins, if any.

        It has connections of its own, and is closed by itself.
        """
        service = Service(
            self._settings.for_token(token), self._service.read_s, self._service.retry
        )
        return self._of(self.execution_id, service)

    def set_key(self, key: str) -> None:
        """Use another key from the next call on, the background's included.

        For runs that last longer than their token: `sharedstate token` makes one. It takes the
        place of SHAREDSTATE_TOKEN where that is used. InvalidArgument for one of another workspace.
        """
        self._settings.set_key(key)

    async def close(self) -> None:
        """Close all connections. Later calls raise ClientClosed; closing twice is fine.

        Locks that are held are not released by this, but renewed no more: they lapse, and no
        `on_lost` is called.
        """
        await self._http.close()
        await join_from_task(self._background.stop())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._settings.url

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} execution_id={self.execution_id!r} "
            f"workspace={self.workspace!r} url={self.url!r}>"
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} has connections and cannot be pickled: make a new one in "
            "each process"
        )
