"""What all methods build on: one call of a function, one read of a table."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from postgrest import SyncSelectRequestBuilder
from supabase import Client

from sharedstate._arguments import RequestId, checked, encodable, limit_of
from sharedstate._background import Background
from sharedstate._http import HttpClient, Service
from sharedstate._rows import first_or_none, rows
from sharedstate._sending import Call
from sharedstate._tokens import Tokens
from sharedstate.config import Settings

T = TypeVar("T")


class Methods:
    """A client of supabase-py, who we are, and which leases we hold."""

    supabase: Client
    execution_id: str
    _settings: Settings
    _service: Service
    _http: HttpClient
    _tokens: Tokens
    _background: Background

    @property
    def workspace(self) -> str:
        """The workspace of all calls: the key's claim, else the configured one, else default."""
        return self._settings.workspace

    def _rpc(
        self,
        function: str,
        params: dict[str, Any],
        read: Callable[[Any], T],
        *,
        changes: bool = False,
        timeout_s: float = 0.0,
        until: float = math.inf,
    ) -> T:
        """Call a function by supabase-py; `read` makes the result of what it answers.

        With a `request_id` it changes something and is never done twice; None stands for a fresh
        one. `changes`: without one, because a repetition does no harm. The rest as in `Call`.
        """
        sent = checked(params)
        request_id = sent.get("request_id")
        call = Call(
            function,
            changes or request_id is not None,
            request_id,
            timeout_s=timeout_s,
            until=until,
        )
        with call.under_way():
            try:
                answer = self.supabase.rpc(function, sent).execute()
            except (TypeError, ValueError, RecursionError):
                if call.has_begun:
                    raise
                # supabase-py could not encode it.
                answer = self.supabase.rpc(function, encodable(sent)).execute()
            return call.read(answer.data, read)

    def _change(
        self,
        function: str,
        params: dict[str, Any],
        read: Callable[[Any], T],
        request_id: RequestId = None,
    ) -> T:
        """As `_rpc`, of a function that takes our `execution_id` and the id of the request."""
        own = {"execution_id": self.execution_id, "request_id": request_id}
        return self._rpc(function, params | own, read)

    def _rows(self, table: str) -> SyncSelectRequestBuilder:
        # Operators' keys bypass row security, so every read names its workspace.
        return self.supabase.table(table).select("*").eq("workspace", self.workspace)

    def _read(self, query: SyncSelectRequestBuilder, read: Callable[[Any], T]) -> T:
        """The rows of a table that a query of supabase-py describes, as `read` makes them."""
        call = Call(query.request.path.name, is_mutation=False)
        with call.under_way():
            return call.read((query.execute()).data, read)

    def _one_version(self, query: SyncSelectRequestBuilder, version: int | None) -> Any:
        """The row of a version, of the newest for None; None when there is none."""
        if version is None:
            query = query.order("version", desc=True).limit(1)
        else:
            query = query.eq("version", version)
        return self._read(query, first_or_none)

    def _versions(
        self, query: SyncSelectRequestBuilder, limit: int, before_version: int | None
    ) -> list[Any]:
        """The rows of up to `limit` versions, newest first, older than `before_version`."""
        query = query.order("version", desc=True).limit(limit_of(limit))
        if before_version is not None:
            query = query.lt("version", before_version)
        return self._read(query, rows)

    def _pause(self, seconds: float) -> None:
        self._http.pause(seconds)

    def _author(self, created_by: str | None) -> str:
        """Who writes: as given, else the agent of our token, else all that we know, our run."""
        return created_by or self._settings.agent or self.execution_id
