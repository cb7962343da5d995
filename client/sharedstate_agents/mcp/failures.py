"""Errors as text that a model can act on: what happened, who holds it until when, what to do."""

from __future__ import annotations

import json
from typing import Any

from sharedstate.errors import SharedStateError
from sharedstate_agents.mcp.clock import Clock
from sharedstate_agents.mcp.pointers import part_of

_MOST_CHARACTERS = 3000
_PARTS = 8

# What to do next, in terms of the tools; the other hints are good as they are.
_NEXT = {
    "agent_mismatch": "Use the name that this server or token belongs to, or leave agent_name out.",
    "unknown_conflict": "Look at the open ones with overview.",
    "unknown_version": "read_document without a version shows the newest.",
    "lease_lost": "Stop. Call checkout (or lock) again, read again, and redo the work on that.",
    "deadlock": "Release what you hold, then ask again; or finish and check in first.",
    "stale_version": "Read the document again, redo your change on it, and save with its version "
    "as base_version.",
    "over_budget": "Use less, or ask for move_budget; overview shows what is left where.",
    "stale_inputs": "Call checkout again with the same reads (you may hold it), redo the work on "
    "the new inputs, and check in.",
    "conflict_already_resolved": "Nothing to do, unless its resolution does not settle yours: then "
    "report a new one.",
    "resource_locked": "Call checkout with wait_seconds=45 to wait in line, or work on something "
    "else.",
    "reservation_lost": "Reserve the budget again.",
    "outcome_unknown": "It may have been done or not: look with my_situation or read_document "
    "before you do it again.",
    "service_unavailable": "Nothing was changed. Call again in some seconds; if that fails too, "
    "tell your user that the database of sharedstate does not answer.",
    "statement_timeout": "Nothing was changed. Call again.",
    "payload_too_large": "Nothing was changed. Save the document in several calls.",
    "invalid_key": "Tell your user: the key of this server is not valid (`sharedstate doctor`).",
    "expired_key": "Tell your user: the key has expired (`sharedstate token` makes one).",
    "not_configured": "Tell your user: run `sharedstate up`, or set SUPABASE_URL and SUPABASE_KEY.",
}  # fmt: skip


def explained(problem: SharedStateError, clock: Clock) -> str:
    """What a model is told of an error."""
    detail = dict(problem.detail)
    facts = _told(problem.slug, detail, clock)
    said = "" if problem.message in ("", problem.slug) else f" {problem.message}."
    rest = [f"{name} {_brief(value)}" for name, value in detail.items() if value is not None]
    text = f"{problem.slug}:{said}{facts}" + (f" ({', '.join(rest)})" if rest else "")
    after = _NEXT.get(problem.slug, problem.hint)
    return f"{text[: _MOST_CHARACTERS - len(after)]} Next: {after}" if after else text


def _told(slug: str, detail: dict[str, Any], clock: Clock) -> str:
    """Sentences about the parts of the detail that they take out of it."""
    if slug == "resource_locked":
        what = f"{detail.pop('resource_type')} {detail.pop('resource_name')}"
        until = clock.described(detail.pop("expires_at"))
        detail.pop("execution_id", None)
        return f" {detail.pop('locked_by')} holds {what} until {until}. Nothing was changed."
    if slug == "lease_lost":
        what = f"{detail.pop('resource_type')} {detail.pop('resource_name')}"
        holder = detail.pop("held_by", None)
        detail.pop("fencing_token", None)
        now = f"{holder} holds it now" if holder else "nobody holds it now"
        return f" your lease of {what} has ended, and {now}. Nothing was written."
    if slug == "stale_version" and "paths" in detail:
        return _collision(detail)
    if slug == "deadlock":
        cycle = [
            f"{one['agent_name']} waits for {_brief(one['waits_for'])}"
            for one in detail.pop("cycle")[:_PARTS]
        ]
        return f" this wait would never end: {'; '.join(cycle)}."
    if slug == "stale_inputs":
        changes = [
            f"{one['subsystem']}/{one['document']} is at version {one['new_version']}, "
            f"you read {one['seen_version']}"
            for one in detail.pop("inputs")[:_PARTS]
        ]
        return f" what {detail.pop('subsystem')} was made from has changed: {'; '.join(changes)}."
    if "argument" in detail and "reason" in detail:
        return f" {detail.pop('argument')} {detail.pop('reason')}."
    return ""


def _collision(detail: dict[str, Any]) -> str:
    """Which parts somebody else changed as well, and to what."""
    theirs, paths = detail.pop("theirs", None), detail.pop("paths")
    latest = detail.pop("latest_version")
    for known in ("base", "yours", "base_version"):
        detail.pop(known, None)
    parts = []
    for path in paths[:_PARTS]:
        try:
            parts.append(f"{path[:100]} is now {_brief(part_of(theirs, path))}")
        except SharedStateError:
            parts.append(f"{path[:100]} is gone")
    more = f" and {len(paths) - _PARTS} more" if len(paths) > _PARTS else ""
    return (
        f" others changed what you changed, in version {latest}: {'; '.join(parts)}{more}. "
        "Nothing was written."
    )


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 160 else text[:159] + "…"
