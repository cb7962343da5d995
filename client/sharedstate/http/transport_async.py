"""The async twin of `Transport`: same requests, same judgement, awaited."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from sharedstate.http.call import Call
from sharedstate.http.retry import Attempts
from sharedstate.http.transport import FAILURES, LIMITS, Sender, tls_context

if TYPE_CHECKING:
    from supabase import AsyncClient

T = TypeVar("T")


class AsyncTransport(Sender):
    """Sends calls from any number of tasks of an event loop."""

    _pool: AiohttpTransport | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _supabase: AsyncClient | None = None

    async def run(self, call: Call[T]) -> T:
        """Send a call, again where that is safe, and read its answer."""
        began = time.monotonic()
        attempts: Attempts | None = None
        while True:
            try:
                answer = await self._exchange(call)
                if answer.status_code < 300:
                    return self.result(call, answer.content)
            except FAILURES as cause:
                attempts = attempts or self.attempts(call, began)
                pause = self.after_failure(attempts, cause, began)
            else:
                attempts = attempts or self.attempts(call, began)
                pause = self.after_answer(attempts, answer, began)
            await self.pause(pause)

    @staticmethod
    def was_sent(cause: Exception) -> bool:
        """Whether a byte of the request may have been on its way when this came.

        aiohttp tells, not the name that its error is given: ConnectTimeout is also what a
        connection that broke later is called.
        """
        if not isinstance(cause.__cause__, aiohttp.ClientError):
            return Sender.was_sent(cause)
        return not isinstance(
            cause.__cause__, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError
        )

    async def pause(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close every connection. Calls afterwards raise ClientClosed."""
        self._closed.set()
        pool, self._pool, self._supabase = self._pool, None, None
        if pool is not None and self._loop is asyncio.get_running_loop():
            await pool.aclose()

    @property
    def supabase(self) -> AsyncClient:
        """The full supabase-py client on the same connections, made at first use."""
        pool = self._open()
        if self._supabase is None:
            self._supabase = self._new_supabase(pool)
        return self._supabase

    def _after_fork(self) -> None:
        super()._after_fork()
        self._pool = self._supabase = None

    async def _exchange(self, call: Call[Any]) -> httpx.Response:
        answer = await self._open().handle_async_request(self.request(call))
        try:
            await answer.aread()
        finally:
            await answer.aclose()
        return answer

    def _open(self) -> AiohttpTransport:
        self.refuse_if_closed()
        loop = asyncio.get_running_loop()
        # Connections belong to the loop that made them: a second asyncio.run needs new ones.
        if self._pool is None or self._loop is not loop:
            with self.naming_the_proxy():
                # Not httpx's own transport: that loses a place in its pool to each call that is
                # cancelled at the wrong moment (httpcore 1), until it has none left.
                proxy = self.proxy()
                if proxy is not None and proxy.startswith("socks"):
                    raise ValueError("AsyncSharedState takes no SOCKS proxy")
                self._pool = AiohttpTransport(
                    verify=tls_context(self.scheme),
                    limits=LIMITS,
                    proxy=None if proxy is None else httpx.Proxy(proxy),
                )
            self._loop, self._supabase = loop, None
        return self._pool

    def _new_supabase(self, pool: AiohttpTransport) -> AsyncClient:
        from supabase import AsyncClient, AsyncClientOptions  # 0.3 s: only who asks pays

        client = httpx.AsyncClient(transport=pool, timeout=self.timeout(), follow_redirects=True)
        options = AsyncClientOptions(
            httpx_client=client,
            headers=dict(self.own_headers),
            auto_refresh_token=False,
            persist_session=False,
        )
        return AsyncClient(self._settings.url, self._settings.key, options)
