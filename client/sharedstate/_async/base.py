"""What all methods build on: one call of a function, one read of a table."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from postgrest import AsyncSelectRequestBuilder
from supabase import AsyncClient

from sharedstate._arguments import RequestId, checked, encodable, limit_of
from sharedstate._background import Background
from sharedstate._http import Service
from sharedstate._http_async import AsyncHttpClient
from sharedstate._rows import first_or_none, rows
from sharedstate._sending import Call
from sharedstate._tokens import Tokens
from sharedstate.config import Settings

T = TypeVar("T")


class AsyncMethods:
    """A client of supabase-py, who we are, and which leases we hold."""

    supabase: AsyncClient
    execution_id: str
    _settings: Settings
    _service: Service
    _http: AsyncHttpClient
    _tokens: Tokens
    _background: Background

    @property
    def workspace(self) -> str:
        """The workspace of all calls: the key's claim, else the configured one, else default."""
        return self._settings.workspace

    async def _rpc(
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
                answer = await self.supabase.rpc(function, sent).execute()
            except (TypeError, ValueError, RecursionError):
                if call.has_begun:
                    raise
                # supabase-py could not encode it.
                answer = await self.supabase.rpc(function, encodable(sent)).execute()
            return call.read(answer.data, read)

    async def _change(
        self,
        function: str,
        params: dict[str, Any],
        read: Callable[[Any], T],
        request_id: RequestId = None,
    ) -> T:
        """As `_rpc`, of a function that takes our `execution_id` and the id of the request."""
        own = {"execution_id": self.execution_id, "request_id": request_id}
        return await self._rpc(function, params | own, read)

    def _rows(self, table: str) -> AsyncSelectRequestBuilder:
        # Operators' keys bypass row security, so every read names its workspace.
        return self.supabase.table(table).select("*").eq("workspace", self.workspace)

    async def _read(self, query: AsyncSelectRequestBuilder, read: Callable[[Any], T]) -> T:
        """The rows of a table that a query of supabase-py describes, as `read` makes them."""
        call = Call(query.request.path.name, is_mutation=False)
        with call.under_way():
            return call.read((await query.execute()).data, read)

    async def _one_version(self, query: AsyncSelectRequestBuilder, version: int | None) -> Any:
        """The row of a version, of the newest for None; None when there is none."""
        if version is None:
            query = query.order("version", desc=True).limit(1)
        else:
            query = query.eq("version", version)
        return await self._read(query, first_or_none)

    async def _versions(
        self, query: AsyncSelectRequestBuilder, limit: int, before_version: int | None
    ) -> list[Any]:
        """The rows of up to `limit` versions, newest first, older than `before_version`."""
        query = query.order("version", desc=True).limit(limit_of(limit))
        if before_version is not None:
            query = query.lt("version", before_version)
        return await self._read(query, rows)

    async def _pause(self, seconds: float) -> None:
        await self._http.pause(seconds)

    def _author(self, created_by: str | None) -> str:
        """Who writes: as given, else the agent of our token, else all that we know, our run."""
        return created_by or self._settings.agent or self.execution_id
