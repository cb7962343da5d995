"""The tools that publish work, and settle what concerns several agents."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from sharedstate.errors import InvalidArgument
from sharedstate_agents.mcp.answers import (
    Budget,
    CheckedIn,
    Entry,
    Moved,
    Noted,
    Reported,
    Reserved,
    Saved,
    Settled,
)
from sharedstate_agents.mcp.executions import Caller
from sharedstate_agents.mcp.fitting import result_of
from sharedstate_agents.mcp.locking import NO_NAMES
from sharedstate_agents.mcp.pointers import changed
from sharedstate_agents.mcp.reading import COLUMN, document_of
from sharedstate_agents.mcp.speaking import AgentName, ExecutionId, Speaking, SubsystemName

NOTHING: dict[str, JsonValue] = {}
Severity = Literal["low", "medium", "high", "critical"]
Written = Literal["requirements", "interfaces", "design"]
Amount = Annotated[float, Field(ge=0)]


class WritingTools(Speaking):
    """Documents, status, conflicts, budgets and the log."""

    async def save(
        self,
        subsystem: SubsystemName,
        document: Written,
        base_version: Annotated[
            int,
            Field(description="The version that you started from; 0: there was none.", ge=0),
        ],
        set: Annotated[
            dict[str, JsonValue],
            Field(description='Parts by JSON pointer: {"/bones/femur/length_m": 0.45}.'),
        ] = NOTHING,
        remove: Annotated[list[str], Field(description="Pointers of parts to remove.")] = NO_NAMES,
        agent_name: AgentName = "",
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, Saved]:
        """Publish a new version of a document by naming only the parts that change: `remove` is
        done first, then `set`; objects on the way are made, "/list/-" appends, "" is the whole.

        Use it after checkout, with the version that you read as base_version. What others published
        since is merged with yours; where both changed the same part it fails, changes nothing, and
        says what is there now. requirements may be written without a checkout."""
        async with self.caller(agent_name, execution_id) as me:
            if not set and not remove:
                raise InvalidArgument.of("set", "is empty, and so is remove", hint="Name a part.")
            base = await document_of(me.state, subsystem, document, base_version)
            content = changed(base.get(COLUMN[document], {}) if base_version else {}, set, remove)
            row = await _write(me, subsystem, document, content, base_version)
            return result_of(
                Saved(
                    subsystem=subsystem,
                    document=document,
                    version=row["version"],
                    merged=row["merged"],
                )
            )

    async def checkin(
        self,
        subsystem: SubsystemName,
        agent_name: AgentName = "",
        state: Annotated[
            str, Field(description="Like designing, complete or over_budget; empty: as it is.")
        ] = "",
        current_mass_kg: Amount | None = None,
        current_cost_usd: Amount | None = None,
        current_power_w: Amount | None = None,
        within_budget: bool | None = None,
        iteration: Annotated[int | None, Field(ge=0)] = None,
        note: Annotated[str, Field(description="What you did, for the log.")] = "",
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, CheckedIn]:
        """Publish the status of a subsystem that you have checked out, and give it back. What you
        leave out keeps its value. Documents are published by save, before this.

        Use it when your step is done. state complete is refused while something that the work was
        made from has changed since (stale_inputs). Figures over the budget are taken, and open a
        conflict; within_budget comes back in the answer."""
        async with self.caller(agent_name, execution_id) as me:
            figures = {
                "state": state or None,
                "current_mass_kg": current_mass_kg,
                "current_cost_usd": current_cost_usd,
                "current_power_w": current_power_w,
                "within_budget": within_budget,
                "iteration": iteration,
            }
            written = {name: value for name, value in figures.items() if value is not None}
            return result_of(await _check_in(me, subsystem, written, note))

    async def report_conflict(
        self,
        severity: Annotated[Severity, Field(description="critical keeps `blocks` from work.")],
        description: Annotated[str, Field(description="What is wrong, with figures.")],
        target: Annotated[str, Field(description="The agent that has to act.")],
        agent_name: AgentName = "",
        blocks: Annotated[list[str], Field(description="Agents that cannot go on.")] = NO_NAMES,
        priority: Annotated[int, Field(description="1 is the most urgent.", ge=1, le=4)] = 3,
        details: Annotated[dict[str, JsonValue], Field(description="Data.")] = NOTHING,
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, Reported]:
        """Tell another agent that your work and its do not go together: a part that does not fit, a
        requirement that cannot be met.

        Use it instead of changing what is not yours. Budget overruns are reported by themselves.
        The same source, target and description again is counted on the open one."""
        async with self.caller(agent_name, execution_id) as me:
            number = await me.state.log_conflict(
                severity,
                me.agent,
                target,
                description,
                details or None,
                priority,
                blocks or None,
                conflict_key=_key_of(description),
            )
            return result_of(Reported(conflict_id=number))

    async def settle_conflict(
        self,
        conflict_id: Annotated[int, Field(ge=1)],
        resolution: Annotated[str, Field(description="What was decided, and by which change.")],
        agent_name: AgentName = "",
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, Settled]:
        """Close a conflict once what it is about has been changed; those whom it blocked go on.

        Use it after the change, not as a promise of one. overview and my_situation list the open
        ones."""
        async with self.caller(agent_name, execution_id) as me:
            row = await me.state.resolve_conflict(conflict_id, resolution, me.agent)
            return result_of(
                Settled(
                    conflict_id=conflict_id,
                    status=row["status"],
                    resolution=row["resolution"] or "",
                    unblocked=row["blocks_agents"],
                )
            )

    async def move_budget(
        self,
        from_subsystem: Annotated[str, Field(description='A subsystem or "reserve".')],
        to_subsystem: Annotated[str, Field(description='A subsystem or "reserve".')],
        reason: Annotated[str, Field(description="For the log.")],
        agent_name: AgentName = "",
        mass_kg: Amount = 0,
        cost_usd: Amount = 0,
        power_w: Amount = 0,
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, Moved]:
        """Move a part of one subsystem's budget, or of the reserve, to another.

        Use it to settle an overrun, if you may decide that. It fails with over_budget when the
        giver has not so much left; nothing is moved then."""
        async with self.caller(agent_name, execution_id) as me:
            row = await me.state.transfer_budget(
                from_subsystem,
                to_subsystem,
                mass_kg,
                cost_usd,
                power_w,
                reason,
                me.agent,
            )
            allocations = row["budget_allocations"]
            named = {
                name: allocations[name]
                for name in (from_subsystem, to_subsystem)
                if name in allocations
            }
            return result_of(Moved(version=row["version"], allocations=named))

    async def reserve_budget(
        self,
        subsystem: Annotated[str, Field(description='Whose budget, or "reserve".')],
        agent_name: AgentName = "",
        mass_kg: Amount = 0,
        cost_usd: Amount = 0,
        power_w: Amount = 0,
        ttl_seconds: Annotated[int, Field(ge=1, le=86400)] = 300,
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, Reserved]:
        """Hold a part of what remains of a budget while you work, so that nobody else plans with
        it. What you then use or move comes off it; it ends by itself after ttl_seconds.

        Use it before a decision that needs the amount, when several agents draw on one budget.
        reserved is false when not so much remains: `budget` says what does. End it early by
        release with resource_type "reservation"."""
        async with self.caller(agent_name, execution_id) as me:
            held = await me.state.reserve_budget(
                subsystem,
                me.agent,
                mass_kg=mass_kg,
                cost_usd=cost_usd,
                power_w=power_w,
                ttl_seconds=ttl_seconds,
            )
            if held is None:
                rows = await me.state.get_budget_usage(subsystem)
                after = "Ask for less, or have some moved here by move_budget first."
                left = [Budget.of(row) for row in rows]
                return result_of(Reserved(reserved=False, next=after, budget=left))
            until = held.expires_at.isoformat()
            return result_of(
                Reserved(
                    reserved=True,
                    next="Use it before it ends.",
                    reservation_id=held.reservation_id,
                    until=until,
                    in_seconds=self.clock.seconds_until(until),
                )
            )

    async def note(
        self,
        activity: Annotated[str, Field(description="In a few words, like motor_chosen.")],
        agent_name: AgentName = "",
        details: Annotated[dict[str, JsonValue], Field(description="Data.")] = NOTHING,
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, Noted]:
        """Write into the activity log what the others or a later run should know: a decision and
        its reason, what you tried, what is left to do.

        Publications, conflicts and budgets log themselves."""
        async with self.caller(agent_name, execution_id) as me:
            row = await me.state.log_agent_activity(me.agent, activity, details)
            return result_of(Noted(entry=Entry.of(row)))


def _key_of(description: str) -> str:
    """A name for what a conflict is about; a description may be too long for one."""
    return "mcp-" + hashlib.sha256(description.encode()).hexdigest()[:16]


def _needed_token(me: Caller, subsystem: str) -> int:
    token = me.execution.token(("subsystem", subsystem))
    if token is None:
        hint = f'Call checkout for "{subsystem}" first, then save and checkin.'
        raise InvalidArgument.of("subsystem", "is not checked out by you", hint=hint)
    return token


async def _check_in(me: Caller, subsystem: str, status: dict[str, Any], note: str) -> CheckedIn:
    done = await me.state.checkin_subsystem(
        subsystem,
        me.agent,
        status,
        details={"note": note} if note else None,
        fencing_token=_needed_token(me, subsystem),
    )
    me.execution.leases.pop(("subsystem", subsystem), None)
    within = done.status["within_budget"]
    after = "It is over its budget, and a conflict says so: ask for move_budget, or use less."
    return CheckedIn(
        status=dict(done.status),
        released=done.released,
        within_budget=within,
        next=after if within is False else None,
    )


async def _write(
    me: Caller, subsystem: str, document: Written, content: dict[str, Any], base_version: int
) -> Any:
    write = {
        "requirements": me.state.update_subsystem_requirements,
        "interfaces": me.state.update_subsystem_interfaces,
        "design": me.state.update_subsystem_design,
    }[document]
    # Requirements are written without a checkout, also while another agent has it.
    token = None if document == "requirements" else me.execution.token(("subsystem", subsystem))
    return await write(subsystem, content, me.agent, base_version=base_version, fencing_token=token)
