"""The server over streamable HTTP on this machine, for our own tokens.

It keeps no secret: a token is good if the database takes it. Each token has a client of its own, so
what an agent may do is decided by PostgREST and the database, call by call.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections import OrderedDict
from contextlib import AsyncExitStack
from typing import Any

import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from starlette.authentication import AuthenticationError

from sharedstate import AsyncSharedState, config
from sharedstate.errors import InvalidArgument, InvalidKey, PermissionDenied, SharedStateError
from sharedstate_agents.mcp.clock import Clock
from sharedstate_agents.mcp.executions import Callers
from sharedstate_agents.mcp.server import build
from sharedstate_agents.mcp.starting import collect_garbage

HOST = "127.0.0.1"
_MOST_TOKENS = 256
# The longest call takes 45 s: then the client of a token that made room for others is closed.
_CLOSES_AFTER_S = 60


class Tokens(TokenVerifier):
    """The clients of the tokens that were seen last, and whether a token is good."""

    def __init__(self, state: AsyncSharedState, clock: Clock) -> None:
        self._state, self._clock = state, clock
        self._known: OrderedDict[str, Callers] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    async def verify_token(self, token: str) -> AccessToken | None:
        """None for a token that the database refuses. AuthenticationError when it is not there."""
        if token not in self._known:
            try:
                await self._try(token)
            except (InvalidArgument, InvalidKey, PermissionDenied):
                return None
            except SharedStateError as problem:
                raise AuthenticationError(str(problem)) from problem
        claims = config.claims(token)
        expires = claims.get("exp")
        return AccessToken(
            token=token,
            client_id=str(claims.get("agent") or claims.get("sub") or "agent"),
            scopes=[],
            expires_at=int(expires) if isinstance(expires, int | float) else None,
        )

    async def callers(self) -> Callers:
        """Those who call by the token of the present request."""
        access = get_access_token()
        if access is None or access.token not in self._known:
            raise InvalidKey("the token of this call is not known any more")
        self._known.move_to_end(access.token)
        return self._known[access.token]

    async def _try(self, token: str) -> None:
        async with AsyncExitStack() as opened:
            state = await opened.enter_async_context(self._state.for_token(token))
            # Nobody but agents and operators may call it; PostgREST checks the signature.
            await state.schema_version()
            if token not in self._known:  # else by a request that came at the same time
                self._keep(token, state)
                opened.pop_all()

    def _keep(self, token: str, state: AsyncSharedState) -> None:
        # Of the token, so that executions without hooks are found again after a restart.
        session = "http-" + hashlib.sha256(token.encode()).hexdigest()[:12]
        agent = config.claims(token).get("agent")
        only_agent = agent if isinstance(agent, str) else None
        self._known[token] = Callers(state, session, only_agent, self._clock)
        if len(self._known) > _MOST_TOKENS:
            old = self._known.popitem(last=False)[1]
            self._closing.add(task := asyncio.ensure_future(_close_later(old)))
            task.add_done_callback(self._closing.discard)


async def _close_later(callers: Callers) -> None:
    await asyncio.sleep(_CLOSES_AFTER_S)
    await callers.close()


async def run_http(workspace: str | None, port: int) -> None:
    """Serve on 127.0.0.1 until we are told to end. Leases stay: their agents may go on later."""
    collect_garbage()
    state = AsyncSharedState("sharedstate-mcp", workspace=workspace)
    clock = Clock()
    tokens = Tokens(state, clock)
    auth = AuthSettings(issuer_url=f"http://{HOST}:{port}", resource_server_url=None)  # type: ignore[arg-type]
    server = build(tokens.callers, clock, verifier=tokens, auth=auth)
    app: Any = server.streamable_http_app(stateless_http=True, json_response=True, host=HOST)
    options = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)
    with socket.create_server((HOST, port)) as listening:
        await uvicorn.Server(options).serve(sockets=[listening])
    await state.close()
