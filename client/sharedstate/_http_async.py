"""The HTTP client of `AsyncSharedState`; what it shares with the other one is in _http.py."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import httpx
from httpx._client import ClientState
from httpx_aiohttp import AiohttpTransport, HttpxAiohttpClient

from sharedstate import _clock
from sharedstate._http import FAILURES, NOT_SENT, Service, naming_the_proxy
from sharedstate._sending import CONNECT_TIMEOUT_S, Sending

_CONNECTING_AND_SENDING_S = 30.0


class AsyncHttpClient(HttpxAiohttpClient):
    """What `AsyncSharedState` gives supabase-py: httpx over aiohttp.

    httpx's own transport loses a place in its pool to each call that is cancelled at the wrong
    moment (httpcore 1), until it has none left.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._loop: asyncio.AbstractEventLoop | None = None
        with naming_the_proxy():
            super().__init__(**service.options())

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request, with retries where that is safe. Raises our errors."""
        self._service.refuse_if_forked()
        self._use_running_loop()
        if not self._service.treats(request):
            return await super().send(request, **options)
        sending = Sending(self._service, request)
        options["follow_redirects"] = False
        while True:
            read_s, began = sending.prepare(), _clock.now()
            try:
                # aiohttp does not limit how long it takes to send a body.
                async with asyncio.timeout(_CONNECTING_AND_SENDING_S + read_s):
                    answer = await super().send(request, **options)
                if sending.is_done(answer):
                    return answer
            except (*FAILURES, aiohttp.ClientError, TimeoutError) as problem:
                cause = _pool_timeout(problem, _clock.now() - began, read_s) or problem
                pause_s = sending.after_failure(
                    cause, is_closed=self.is_closed, was_sent=_was_sent(cause)
                )
            except RuntimeError as cause:
                if not self.is_closed:
                    raise
                pause_s = sending.after_failure(cause, is_closed=True, was_sent=False)
            else:
                pause_s = sending.after_answer(answer)
            await self.pause(pause_s)

    async def pause(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close every connection. Calls afterwards raise ClientClosed."""
        self._use_running_loop()
        await self.aclose()
        self._state = ClientState.CLOSED  # also where no call was made

    def _use_running_loop(self) -> None:
        # Connections belong to the loop that made them: a second asyncio.run needs new ones.
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            for transport in (self._transport, *self._mounts.values()):
                if isinstance(transport, AiohttpTransport):
                    _forget_session(transport)


def _pool_timeout(problem: Exception, took_s: float, read_s: float) -> Exception | None:
    """Why a call got no connection: httpx-aiohttp has one exception for two reasons."""
    is_timeout = isinstance(problem.__cause__, aiohttp.ConnectionTimeoutError)
    if is_timeout and took_s >= read_s > CONNECT_TIMEOUT_S:
        return httpx.PoolTimeout("no connection became free")
    return None


def _forget_session(transport: AiohttpTransport) -> None:
    """Let go of connections whose event loop has ended: they can only be collected as garbage."""
    session, transport.client = transport.client, None
    if isinstance(session, aiohttp.ClientSession) and (connector := session.connector):
        session.detach()
        connector._conns.clear()
        connector._closed = True  # else it complains that nobody closed it


def _was_sent(cause: Exception) -> bool:
    """Whether a byte of the request may have been sent before this exception.

    aiohttp tells, not the name that httpx-aiohttp gives its error: ConnectTimeout is also what a
    connection that broke later is called.
    """
    origin = cause if isinstance(cause, aiohttp.ClientError) else cause.__cause__
    if isinstance(origin, aiohttp.ClientError):
        not_sent = (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientHttpProxyError,
        )
        return not isinstance(origin, not_sent)
    return not isinstance(cause, NOT_SENT)
