"""The tools that take and end leases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

from mcp.types import CallToolResult
from pydantic import Field

from sharedstate.errors import LeaseLost
from sharedstate_agents.mcp.answers import (
    Checkout,
    Conflict,
    Document,
    Holding,
    Locked,
    Place,
    Released,
)
from sharedstate_agents.mcp.executions import Caller, Resource
from sharedstate_agents.mcp.fitting import result_of
from sharedstate_agents.mcp.speaking import AgentName, ExecutionId, Speaking, SubsystemName
from sharedstate_agents.mcp.waiting import KEPT_S, MOST_WAIT_S, Waiting

if TYPE_CHECKING:
    from sharedstate import types

Wait = Annotated[
    int,
    Field(
        description="How long to wait in line if it is held, in this call.", ge=0, le=MOST_WAIT_S
    ),
]
Ttl = Annotated[
    int,
    Field(
        description="How long the lease lasts. Your calls renew it, once a minute at most, so give "
        "120 or more.",
        ge=1,
        le=86400,
    ),
]
NO_NAMES: list[str] = []
RESERVATION = "reservation"
T = TypeVar("T")
L = TypeVar("L", bound=Locked)


class LockingTools(Speaking):
    """Leases: taking them, waiting for them, ending them."""

    async def checkout(
        self,
        subsystem: SubsystemName,
        agent_name: AgentName = "",
        wait_seconds: Wait = 0,
        ttl_seconds: Ttl = 300,
        reads: Annotated[
            list[str], Field(description="Subsystems whose interfaces your work is made from.")
        ] = NO_NAMES,
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, Checkout]:
        """Take a subsystem for yourself, with all that is needed to work on it: requirements,
        interfaces, design, limits, the interfaces of those in `reads`.

        Use it before you change a subsystem or files of it; end with checkin (or release). When
        somebody else holds it, granted is false: who, until when, your place in line. With
        wait_seconds you wait in line; call again to go on waiting, your place is kept for 30 s.
        When you hold it already, it is renewed and all is read anew."""
        async with self.caller(agent_name, execution_id) as me:
            resource: Resource = ("subsystem", subsystem)

            async def under(token: int | None) -> Checkout | None:
                found = await me.state.checkout_subsystem(
                    subsystem, me.agent, ttl_seconds, reads=reads, fencing_token=token
                )
                if found:
                    me.execution.note(resource, found.lease.fencing_token, ttl_seconds)
                    return _work(found, self._held(me, found.lease))
                if found is None:
                    return None
                blockers = [Conflict.of(row) for row in found.conflicts]
                after = "A critical conflict blocks you: help to settle it, or wait until it is."
                return Checkout(granted=False, next=after, blocked_by=blockers)

            taken = await take(me, resource, wait_seconds, under)
            return result_of(taken or await self._refusal(me, resource, "checkout", Checkout))

    async def lock(
        self,
        resource_type: Annotated[str, Field(description="Like file, printer or subsystem.")],
        resource_name: Annotated[str, Field(description="Like frame.step.")],
        agent_name: AgentName = "",
        wait_seconds: Wait = 0,
        ttl_seconds: Ttl = 300,
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, Locked]:
        """Take a lock on anything that agents must not use at once: a file, a tool, a name.

        For work on a subsystem use checkout instead. When somebody else holds it, granted is false
        and the answer says who and until when. With wait_seconds you wait in line, as in checkout.
        End it with release."""
        async with self.caller(agent_name, execution_id) as me:
            resource: Resource = (resource_type, resource_name)

            async def under(token: int | None) -> Locked | None:
                if token is None:
                    lease = await me.state.acquire_lock(*resource, me.agent, ttl_seconds)
                    if lease is None:
                        return None
                else:
                    lease = await me.state.renew_lock(*resource, ttl_seconds, fencing_token=token)
                me.execution.note(resource, lease.fencing_token, ttl_seconds)
                after = "It is yours. End it with release when you have finished."
                return Locked(granted=True, next=after, lease=self._held(me, lease))

            taken = await take(me, resource, wait_seconds, under)
            return result_of(taken or await self._refusal(me, resource, "lock", Locked))

    async def release(
        self,
        name: Annotated[str, Field(description="The subsystem or resource.")],
        agent_name: AgentName = "",
        resource_type: Annotated[
            str,
            Field(
                description='Of a lock its type. "reservation": name is the id that reserve_budget '
                "answered."
            ),
        ] = "subsystem",
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, Released]:
        """Give back what you hold without publishing anything, or leave a line that you wait in.

        After work that is to be seen use checkin, which publishes and gives back in one. released
        is false when there was nothing to end: a lease may have lapsed."""
        async with self.caller(agent_name, execution_id) as me:
            if resource_type == RESERVATION:
                ended = await me.state.release_budget(name)
                return result_of(Released(released=ended, what=f"reservation {name}"))
            resource: Resource = (resource_type, name)
            waiting = me.execution.waits.pop(resource, None)
            if waiting and await waiting.leave():
                what = f"the place in line for {resource_type} {name}"
                return result_of(Released(released=True, what=what))
            # Also what was granted to a place in line since the last call.
            token = me.execution.token(resource)
            ended = await me.state.release_lock(*resource, fencing_token=token)
            me.execution.leases.pop(resource, None)
            return result_of(Released(released=ended, what=f"{resource_type} {name}"))

    def _held(self, me: Caller, lease: types.Lease) -> Holding:
        expires_at = lease.expires_at.isoformat()
        return Holding(
            resource_type=lease.resource_type,
            resource_name=lease.resource_name,
            held_by=me.agent,
            until=expires_at,
            in_seconds=self.clock.seconds_until(expires_at),
        )

    async def _refusal(self, me: Caller, resource: Resource, tool: str, kind: type[L]) -> L:
        """Who has it, where the caller stands, and what it can do."""
        status = await me.state.get_lock_status(*resource)
        holder = Holding.of(status["holder"], self.clock) if status["holder"] else None
        mine = [
            Place(resource_type=resource[0], resource_name=resource[1], position=row["position"])
            for row in status["queue"]
            if row["execution_id"] == me.state.execution_id and row["agent_name"] == me.agent
        ]
        until = self.clock.described(holder.until) if holder else ""
        who = f"{holder.held_by} holds it until {until}." if holder else "It is about to be free."
        waits = f"wait_seconds={MOST_WAIT_S}"
        after = (
            f"You are number {mine[0].position} in line. Call {tool} again within {KEPT_S} s to "
            f"keep your place, with {waits}."
            if mine
            else f"Call {tool} again with {waits} to wait in line, or do something else first."
        )
        return kind(
            granted=False,
            next=f"{who} {after}",
            held_by=holder,
            place=mine[0] if mine else None,
            waiting=len(status["queue"]),
        )


async def take(
    me: Caller,
    resource: Resource,
    wait_seconds: float,
    under: Callable[[int | None], Awaitable[T | None]],
) -> T | None:
    """What `under` makes of the lease: that which the caller holds, a free one, or one waited for.

    `under` takes the token of the lease, None to take it if it is free. None when others hold it.
    """
    execution = me.execution
    if held := execution.leases.get(resource):
        try:
            return await under(held.fencing_token)
        except LeaseLost:
            execution.leases.pop(resource, None)
    while True:
        waiting = execution.waits.get(resource)
        if waiting is None or waiting.was_given_up:
            answer = await under(None)
            if answer is not None or wait_seconds == 0:
                return answer
            waiting = Waiting(me.state, resource, me.agent)
            execution.waits[resource] = waiting
        try:
            lease = await waiting.granted(wait_seconds)
        finally:
            if waiting.has_ended:
                execution.waits.pop(resource, None)
        if lease is None:
            return None
        try:
            return await under(lease.fencing_token)
        except LeaseLost:
            continue  # it was granted between two calls that were too far apart


def _work(found: types.Checkout, lease: Holding) -> Checkout:
    """A checkout of the client as the tool answers it."""
    limits = dict(found.constraints or {})
    limits.pop("workspace", None)
    after = "It is yours. Publish by save, then checkin with state and figures."
    if not found.status:
        after += (
            " No subsystem has this name yet: checkin makes it. If you meant another one, give "
            "this one back with release; overview lists all."
        )
    inputs = [Document.of(row, "interfaces") for row in found.inputs]
    return Checkout(
        granted=True,
        next=after,
        lease=lease,
        status=dict(found.status) if found.status else None,
        requirements=Document.of(found.requirements, "requirements"),
        interfaces=Document.of(found.interfaces, "interfaces"),
        design=Document.of(found.design, "design_data"),
        inputs=[one for one in inputs if one] or None,
        limits=limits or None,
        conflicts=[Conflict.of(row) for row in found.conflicts] or None,
    )
