"""What all tools share: finding out who calls, and telling errors so that a model can act."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, TypeAlias

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from sharedstate.errors import SharedStateError
from sharedstate_agents.mcp.clock import Clock
from sharedstate_agents.mcp.executions import Caller, Callers
from sharedstate_agents.mcp.failures import explained
from sharedstate_agents.mcp.fitting import Detail

if TYPE_CHECKING:
    from sharedstate import AsyncSharedState

# Plain texts with an empty default: some harnesses cannot read a choice of text and null.
AgentName: TypeAlias = Annotated[
    str,
    Field(
        description="Who you are, like skeleton_agent: the same name in every call. To be left "
        "out only where the server belongs to one agent alone."
    ),
]
ExecutionId: TypeAlias = Annotated[str, Field(description="Set by hooks. Leave it out.")]
SubsystemName: TypeAlias = Annotated[str, Field(description="Like skeleton.")]
HowMuch: TypeAlias = Annotated[
    Detail, Field(description="concise: at most 2,000 tokens. full: all of it.")
]

FindCallers: TypeAlias = Callable[[], Awaitable[Callers]]


class Speaking:
    """Base of the tools. `find` answers whose client the present call goes by."""

    def __init__(self, find: FindCallers, clock: Clock) -> None:
        self._find, self.clock = find, clock

    @asynccontextmanager
    async def caller(self, agent_name: str, execution_id: str) -> AsyncIterator[Caller]:
        """Who calls a tool that needs to know it; errors in the block are told to the model."""
        async with self.telling():
            callers = await self._find()
            yield await callers.caller(agent_name, execution_id)

    @asynccontextmanager
    async def reader(self, execution_id: str) -> AsyncIterator[AsyncSharedState]:
        """The client for a read, which anybody may make; errors are told to the model."""
        async with self.telling():
            callers = await self._find()
            yield await callers.reader(execution_id)

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Errors of ours in the block become ToolError."""
        try:
            yield
        except SharedStateError as problem:
            raise ToolError(explained(problem, self.clock)) from problem
