"""Who is calling: the executions of one client, and what the server keeps of each.

All subagents of a session share one connection, so a call says itself whose it is: hooks set
`execution_id`, and without them it is made of session and `agent_name`. The fencing tokens are
kept here by execution. After a restart of the server they are found again in the database.

No lease is renewed because a server is alive: only by a call of its agent, once a minute at most.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sharedstate.errors import AgentMismatch, InvalidArgument, LeaseLost, SharedStateError
from sharedstate_agents.identity import execution_of
from sharedstate_agents.mcp.clock import Clock
from sharedstate_agents.mcp.waiting import Waiting

if TYPE_CHECKING:
    from sharedstate import AsyncSharedState

RENEWAL_S = 60.0
# What is forgotten beyond that is found again in the database.
_MOST_EXECUTIONS = 1000

Resource = tuple[str, str]


@dataclass(slots=True)
class HeldLease:
    """A lease as the server knows it. A lost one is kept, so that late writes are refused."""

    fencing_token: int
    ttl_seconds: int
    is_lost: bool = False


class Execution:
    """One run of one agent: its client, its leases and its places in line."""

    def __init__(self, state: AsyncSharedState, clock: Clock) -> None:
        self.state, self.clock = state, clock
        self.leases: dict[Resource, HeldLease] = {}
        self.waits: dict[Resource, Waiting] = {}
        self._renewed_at = -math.inf
        self._is_known = False
        self._arriving = asyncio.Lock()

    async def arrive(self, agent: str) -> None:
        """The agent calls: find its leases if we do not know it yet, and renew what is due."""
        async with self._arriving:
            if not self._is_known:
                situation = await self.state.get_situation(agent)
                self.clock.note(situation["server_time"])
                for row in situation["leases"]:
                    resource = row["resource_type"], row["resource_name"]
                    self.note(resource, row["fencing_token"], row["ttl_seconds"])
                self._renewed_at = -math.inf
                self._is_known = True
            await self.renew()

    async def renew(self) -> None:
        """Renew the leases, if that was not done for a minute."""
        now = time.monotonic()
        if self.leases and now >= self._renewed_at + RENEWAL_S:
            self._renewed_at = now
            await asyncio.gather(*map(self._renew_one, list(self.leases)))

    async def _renew_one(self, resource: Resource) -> None:
        held = self.leases[resource]
        if held.is_lost:
            return
        try:
            await self.state.renew_lock(
                *resource, held.ttl_seconds, fencing_token=held.fencing_token
            )
        except LeaseLost:
            held.is_lost = True
        except SharedStateError:
            self._renewed_at = -math.inf  # with the next call

    def note(self, resource: Resource, fencing_token: int, ttl_seconds: int) -> None:
        """Keep the token of a lease that was granted, or found."""
        if not self.leases:
            self._renewed_at = time.monotonic()
        self.leases[resource] = HeldLease(fencing_token, ttl_seconds)

    def token(self, resource: Resource) -> int | None:
        """The fencing token of the lease on a resource, also of one that was lost."""
        held = self.leases.get(resource)
        return held.fencing_token if held else None

    def stop_waiting(self) -> None:
        """Ask no more for any lock."""
        for waiting in self.waits.values():
            waiting.stop()


@dataclass(frozen=True, slots=True)
class Caller:
    """The agent that calls, and its execution."""

    agent: str
    execution: Execution

    @property
    def state(self) -> AsyncSharedState:
        return self.execution.state


class Callers:
    """All who call through one client, told apart by their executions.

    Args:
        session: what executions are made of where no hook names one.
        only_agent: whose server or token this is, if it is one agent's alone.
    """

    def __init__(
        self, state: AsyncSharedState, session: str, only_agent: str | None, clock: Clock
    ) -> None:
        self.state, self.clock = state, clock
        self._session, self._only_agent = session, only_agent
        self._executions: OrderedDict[str, Execution] = OrderedDict()

    async def caller(self, agent_name: str, execution_id: str) -> Caller:
        """Who calls. Raises InvalidArgument when nobody is named, and AgentMismatch."""
        agent = agent_name or self._only_agent
        if not agent:
            hint = "Call again with agent_name, the name that you were given, like skeleton_agent."
            raise InvalidArgument.of("agent_name", "is missing", hint=hint)
        if self._only_agent and agent != self._only_agent:
            detail = {"agent_name": agent, "token_agent": self._only_agent}
            raise AgentMismatch(detail=detail, hint="Leave agent_name out.")
        if execution_id.endswith(":"):
            # To release_execution that is a whole session, and others may be in it.
            raise InvalidArgument.of("execution_id", "ends in a colon", hint="Leave it out.")
        execution = self._execution(execution_id or execution_of(self._session, agent))
        await execution.arrive(agent)
        return Caller(agent, execution)

    async def reader(self, execution_id: str) -> AsyncSharedState:
        """The client for a read. It is a sign of life of an execution that we know."""
        if self._only_agent:
            execution_id = execution_id or execution_of(self._session, self._only_agent)
        if known := self._executions.get(execution_id):
            await known.renew()
        return self.state

    async def release_all(self) -> None:
        """End all that the executions hold and wait for."""
        executions = list(self._executions.values())
        # First, or one whose place is ended would get in line anew.
        for execution in executions:
            execution.stop_waiting()
        ends = (execution.state.release_execution() for execution in executions)
        await asyncio.gather(*ends, return_exceptions=True)

    async def close(self) -> None:
        """Close the client; leases that are held lapse."""
        for execution in self._executions.values():
            execution.stop_waiting()
        await self.state.close()

    def _execution(self, execution_id: str) -> Execution:
        execution = self._executions.get(execution_id)
        if execution is None:
            execution = Execution(self.state.for_execution(execution_id), self.clock)
            self._executions[execution_id] = execution
            if len(self._executions) > _MOST_EXECUTIONS:
                self._executions.popitem(last=False)[1].stop_waiting()
        self._executions.move_to_end(execution_id)
        return execution
