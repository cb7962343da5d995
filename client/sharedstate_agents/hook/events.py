"""What is done at each event, but for the guard of edits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sharedstate_agents import identity
from sharedstate_agents.hook import edits, failures
from sharedstate_agents.hook.event import NO_NAME, NOTHING, Answer, Event
from sharedstate_agents.plain_rpc import CallFailed
from sharedstate_agents.situation import facts, held_text

OUR_SERVERS = ("mcp__sharedstate__", "mcp__plugin_sharedstate_sharedstate__")
# Cursor does not say which server a tool is of. These take an agent_name and an execution_id.
_CURSORS_PREFIX = "MCP:"
TOOLS_OF_AGENTS = {
    "my_situation", "checkout", "save", "checkin", "release", "lock", "report_conflict",
    "settle_conflict", "move_budget", "reserve_budget", "note",
}  # fmt: skip
# A lease is renewed when this long has passed since the last time, or a third of its time to live.
RENEWAL_SECONDS = 60


def tell_facts(event: Event) -> Answer:
    """SessionStart, SubagentStart: who the agent is, what it holds, what is in its way."""
    if event.name == "SubagentStart":
        _ = event.subagent  # without one it would be told that it is the session's main agent
    else:  # once a session
        for fault in event.project.faults:
            failures.record(event.project.root, event.name, fault)
    name = event.agent_name
    situation = _situation(event, name)
    held_as = {row["locked_by"] for row in situation["leases"]}
    if not name and len(held_as) == 1:  # it goes on after a pause, or with a shorter memory
        name = held_as.pop()
        situation = _situation(event, name)
    board = event.call("get_board", limit_count=20)
    return event.tell(facts(situation, board, name_is_known=bool(name)))


def before_tool(event: Event) -> Answer:
    """PreToolUse: who calls one of our tools; whether a file may be edited now."""
    tool, tool_input = event.text("tool_name"), event.values.get("tool_input")
    if not isinstance(tool_input, Mapping):
        return NOTHING
    if not _is_ours(tool, tool_input):
        return edits.guard(event, tool, tool_input)
    mine = event.execution
    if event.can_change_input:
        return event.change_input({**tool_input, "execution_id": mine})
    if "agent_name" in tool_input and tool_input.get("execution_id") != mine:
        return event.deny(f'Say who you are: call it again with execution_id "{mine}".')
    return NOTHING


def _is_ours(tool: str, tool_input: Mapping[str, Any]) -> bool:
    if tool.startswith(_CURSORS_PREFIX):
        is_known = tool.removeprefix(_CURSORS_PREFIX) in TOOLS_OF_AGENTS
        return is_known and "agent_name" in tool_input
    return tool.startswith(OUR_SERVERS)


def renew(event: Event) -> Answer:
    """PostToolUse: the agent has done something, so its leases go on."""
    situation = _situation(event, None)
    now = datetime.fromisoformat(situation["server_time"])
    for lease in situation["leases"]:
        if not _is_due(lease, now):
            continue
        keys = ("resource_type", "resource_name", "execution_id", "fencing_token", "ttl_seconds")
        try:
            event.call("renew_lock", **{key: lease[key] for key in keys})
        except CallFailed as problem:
            if problem.slug != "lease_lost":  # it was given back meanwhile
                raise
    return NOTHING


def stop_subagent(event: Event) -> Answer:
    """SubagentStop: the agent publishes what it still holds; then all that it holds is free."""
    execution = identity.execution_of(event.session, event.subagent)
    is_second = event.values.get("stop_hook_active") or event.values.get("loop_count")
    leases = [] if is_second else _situation(event, None)["leases"]
    if leases:
        return event.go_on(
            f"You still hold {held_text(leases)}, perhaps with work that you have not published. "
            "Publish it with the tool checkin, or give it back with release. When you stop again, "
            "it is released."
        )
    event.call("release_execution", execution_id=execution)
    return NOTHING


def end_session(event: Event) -> Answer:
    """SessionEnd: all that the session's agents hold is free."""
    event.call("release_execution", execution_id=identity.session_prefix(event.session))
    return NOTHING


def check_task(event: Event) -> Answer:
    """TaskCompleted: refused while a subsystem of the agent is not in order, if so configured."""
    if not event.project.task_completed:
        return NOTHING
    board = event.call("get_board", limit_count=1000)
    mine = {
        row["resource_name"]
        for row in board["leases"]
        if row["resource_type"] == "subsystem" and row["execution_id"] == event.execution
    }
    if event.agent_name:
        mine.add(_situation(event, event.agent_name)["subsystem"])
    faults = [
        fault
        for row in board["subsystems"]
        if row["name"] in mine
        for fault in _faults(row, event.project.task_completed)
    ]
    return Answer(refusal="\n".join(faults))


def _faults(subsystem: Mapping[str, Any], checks: Iterable[str]) -> Iterable[str]:
    name = subsystem["name"]
    if "stale" in checks and (inputs := subsystem["stale_inputs"]):
        changed = ", ".join(f"{row['document']} of {row['subsystem']}" for row in inputs)
        yield (
            f"Subsystem {name} is stale: {changed} changed after it was made. Read the new version "
            "with read_document, adapt the design, and check it in again."
        )
    if "over_budget" in checks and subsystem["within_budget"] is False:
        yield (
            f"Subsystem {name} is over budget. Change its design, get more with move_budget, or "
            "report a conflict with report_conflict."
        )


def _situation(event: Event, agent_name: str | None) -> Mapping[str, Any]:
    name = agent_name or NO_NAME
    answer = event.call("get_situation", agent_name=name, execution_id=event.execution)
    situation: Mapping[str, Any] = answer
    return situation


def _is_due(lease: Mapping[str, Any], now: datetime) -> bool:
    if lease["provisional"]:  # whoever waits for it confirms it, or it lapses
        return False
    ttl = float(lease["ttl_seconds"])
    renewed_at = datetime.fromisoformat(lease["expires_at"]) - timedelta(seconds=ttl)
    return (now - renewed_at).total_seconds() >= min(RENEWAL_SECONDS, ttl / 3)


HANDLERS: dict[str, Callable[[Event], Answer]] = {
    "SessionStart": tell_facts,
    "SubagentStart": tell_facts,
    "PreToolUse": before_tool,
    "PostToolUse": renew,
    "SubagentStop": stop_subagent,
    "SessionEnd": end_session,
    "TaskCompleted": check_task,
}
