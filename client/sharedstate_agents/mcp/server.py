"""The server: which tools, prompts and resources there are, and how it runs over stdio."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from typing import Any, get_args
from uuid import uuid4

from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations

from sharedstate import config
from sharedstate_agents.mcp import texts
from sharedstate_agents.mcp.clock import Clock
from sharedstate_agents.mcp.executions import Callers
from sharedstate_agents.mcp.locking import LockingTools
from sharedstate_agents.mcp.reading import DocumentName, ReadingTools
from sharedstate_agents.mcp.speaking import FindCallers
from sharedstate_agents.mcp.starting import collect_garbage
from sharedstate_agents.mcp.tool import StrictTool
from sharedstate_agents.mcp.writing import WritingTools

# To end what its agents held, after the end of its input.
_RELEASE_S = 1.5


def build(
    find: FindCallers,
    clock: Clock,
    *,
    verifier: TokenVerifier | None = None,
    auth: AuthSettings | None = None,
) -> MCPServer[Any]:
    """The server for one way in. `find` answers whose client a call goes by."""
    reading = ReadingTools(find, clock)
    server: MCPServer[Any] = MCPServer(
        "sharedstate",
        tools=list(_tools(reading, LockingTools(find, clock), WritingTools(find, clock))),
        instructions=texts.INSTRUCTIONS,
        version=version("sharedstate"),
        token_verifier=verifier,
        auth=auth,
        log_level="WARNING",
        subscriptions=False,
    )
    server.prompt()(texts.coordinate)
    server.prompt()(texts.take_role)
    _add_documents(server, reading)
    return server


def _tools(reading: ReadingTools, locking: LockingTools, writing: WritingTools) -> Iterator[Tool]:
    tools: list[tuple[Callable[..., Any], bool, bool, bool]] = [
        # Tool, read only, destructive, idempotent.
        (reading.my_situation, True, False, True),
        (reading.overview, True, False, True),
        (reading.read_document, True, False, True),
        (reading.news, True, False, True),
        (locking.checkout, False, False, True),
        (writing.save, False, False, False),
        (writing.checkin, False, True, False),
        (locking.release, False, True, True),
        (locking.lock, False, False, True),
        (writing.report_conflict, False, False, True),
        (writing.settle_conflict, False, True, False),
        (writing.move_budget, False, True, False),
        (writing.reserve_budget, False, False, False),
        (writing.note, False, False, False),
    ]
    for tool, read_only, destructive, idempotent in tools:
        annotations = ToolAnnotations(
            read_only_hint=read_only,
            destructive_hint=destructive,
            idempotent_hint=idempotent,
            open_world_hint=False,
        )
        # Without the line breaks and the indentation of the source, which a model would pay for.
        paragraphs = (" ".join(one.split()) for one in (tool.__doc__ or "").split("\n\n"))
        description = "\n\n".join(paragraphs)
        yield StrictTool.from_function(tool, annotations=annotations, description=description)


def _add_documents(server: MCPServer[Any], reading: ReadingTools) -> None:
    @server.resource(
        "sharedstate://{subsystem}/{document}",
        name="document",
        description="The newest requirements, interfaces, design or status of a subsystem.",
        mime_type="application/json",
    )
    async def document(subsystem: str, document: str) -> str:
        if document not in get_args(DocumentName):
            raise ResourceNotFoundError(
                f"{document} is none of {', '.join(get_args(DocumentName))}"
            )
        answer = await reading.read_document(subsystem, document, detail="full")  # type: ignore[arg-type]
        return json.dumps(answer.structured_content, ensure_ascii=False)


async def run_stdio(workspace: str | None, agent: str | None) -> None:
    """Serve the harness that started us, until its end; then end what its agents hold."""
    clock = Clock()
    opened: asyncio.Future[Callers] | None = None

    async def open_client() -> Callers:
        state = (await imported)("sharedstate-mcp", workspace=workspace)
        session = os.environ.get("CLAUDE_CODE_SESSION_ID") or uuid4().hex[:12]
        return Callers(state, session, agent or config.load().agent, clock)

    async def find() -> Callers:
        nonlocal opened
        if opened is None or (opened.done() and opened.exception()):
            opened = asyncio.ensure_future(open_client())
        return await asyncio.shield(opened)

    server = build(find, clock)
    imported = asyncio.ensure_future(asyncio.to_thread(_client_class))
    serving = asyncio.ensure_future(server.run_stdio_async())
    ended = asyncio.Event()
    serving.add_done_callback(lambda _: ended.set())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
    # No call that is under way may take anything any more.
    serving.cancel()
    if opened is not None and opened.done() and not opened.exception():
        with suppress(TimeoutError):
            async with asyncio.timeout(_RELEASE_S):
                await opened.result().release_all()
    # The SDK reads our input in a thread that nothing interrupts: after a signal it would keep us.
    os._exit(0)


def _client_class() -> Any:
    """The class of the client. Importing it takes as long as all that the first answer needs."""
    from sharedstate import AsyncSharedState

    collect_garbage()
    return AsyncSharedState
