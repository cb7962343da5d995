"""What an agent is told at its start, in plain text: who it is, what it holds, what is in its way.

    print(facts(situation, board))  # the answers of get_situation and get_board

Standard library only: hooks import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

# A token is about four letters, or one sign of another script, which has three bytes: this is at
# most 1,000 tokens.
MOST_BYTES = 3000
MOST_ITEMS = 6
_MOST_LETTERS = 160

RULES = (
    "Before you edit files of a subsystem, take it with the tool checkout (it can wait in line). "
    "Publish with save and checkin, which also gives it back. Report what is in the way with "
    "report_conflict. Pass your agent_name and execution_id to each tool."
)


def facts(
    situation: Mapping[str, Any],
    board: Mapping[str, Any] | None = None,
    *,
    name_is_known: bool = True,
) -> str:
    """At most 1,000 tokens on what an agent has to know now; the most important comes first.

    Where the name is not known, the agent is to choose one.
    """
    now = datetime.fromisoformat(situation["server_time"])
    you = f"Your agent_name is {situation['agent_name']}, unless your prompt gives you another"
    if not name_is_known:
        you = "Your agent_name is the role that your prompt gives you, such as skeleton_designer"
    workspace = f" in workspace {board['workspace']}" if board else ""
    lines = [
        f"You share the state of one design{workspace} with other agents, through sharedstate.",
        f"{you}; your execution_id is {situation['execution_id']}.",
        RULES,
        *_held(situation, now),
        *_waits(situation, now),
        *_conflicts(situation),
        *_stale(situation),
        *_budget(situation),
        *(_others(board, situation["execution_id"], now) if board else ()),
    ]
    return _cut("\n".join(_short(line, MOST_BYTES) for line in lines))


def remaining(expires_at: str, now: datetime) -> str:
    """How long a lease still lasts, by the database's clock.

    Example:
        >>> remaining("2026-11-22T09:00:30+00:00", datetime.fromisoformat("2026-11-22T09:00:00Z"))
        '30 s more, until 09:00:30 UTC'
    """
    end = datetime.fromisoformat(expires_at)
    seconds = max(0, round((end - now).total_seconds()))
    return f"{seconds} s more, until {end.astimezone(now.tzinfo):%H:%M:%S} UTC"


def held_text(leases: Iterable[Mapping[str, Any]]) -> str:
    """The names of leases, in one line.

    Example:
        >>> held_text([{"resource_type": "subsystem", "resource_name": "skeleton"}])
        'subsystem skeleton'
    """
    return _listed(f"{row['resource_type']} {row['resource_name']}" for row in leases)


def _held(situation: Mapping[str, Any], now: datetime) -> Iterable[str]:
    leases = situation["leases"]
    if not leases:
        yield "You hold nothing."
    for row in leases[:MOST_ITEMS]:
        left = remaining(row["expires_at"], now)
        yield f"You hold {row['resource_type']} {row['resource_name']} for {left}."
    yield from _more(leases, "leases of yours")


def _waits(situation: Mapping[str, Any], now: datetime) -> Iterable[str]:
    for row in situation["waits"][:MOST_ITEMS]:
        what = f"{row['resource_type']} {row['resource_name']}"
        holder = "nobody holds it now"
        if row["held_by"]:
            holder = f"{row['held_by']} holds it for {remaining(row['held_until'], now)}: ask there"
        yield f"You wait for {what} as number {row['position']} in line; {holder}."


def _conflicts(situation: Mapping[str, Any]) -> Iterable[str]:
    blocking = {row["conflict_id"] for row in situation["blocked_by"]}
    rows = sorted(situation["conflicts"], key=lambda row: row["conflict_id"] not in blocking)
    for row in rows[:MOST_ITEMS]:
        verb = "blocks you" if row["conflict_id"] in blocking else "is open"
        parties = f"from {row['source_agent']} to {row['target_agent']}"
        text = _short(row["description"], _MOST_LETTERS)
        yield f"Conflict #{row['conflict_id']} ({row['severity']}) {verb}, {parties}: {text}"
    yield from _more(rows, "open conflicts of yours")


def _stale(situation: Mapping[str, Any]) -> Iterable[str]:
    changed = (
        f"{row['document']} of {row['subsystem']} "
        f"(version {row['seen_version']}, now {row['new_version']})"
        for row in situation["stale_inputs"]
    )
    if text := _listed(changed):
        yield f"Changed since you used them: {text}. Read them with read_document."


def _budget(situation: Mapping[str, Any]) -> Iterable[str]:
    rows = situation["budget"]
    limited = [row for row in rows if row["allocated"] is not None]
    if limited:
        text = _listed(
            f"{row['quantity']} {row['used']} of {row['allocated']}"
            + (" (OVER BUDGET)" if row["remaining"] < 0 else f" ({row['remaining']} left)")
            for row in limited
        )
        yield f"Budget of {situation['subsystem']}: {text}."


def _others(board: Mapping[str, Any], execution: str, now: datetime) -> Iterable[str]:
    others = [row for row in board["leases"] if row["execution_id"] != execution]
    for row in others[:MOST_ITEMS]:
        left = remaining(row["expires_at"], now)
        what = f"{row['resource_type']} {row['resource_name']}"
        yield f"{row['locked_by']} holds {what} for {left}."
    yield from _more(others, "leases of others")
    if text := _listed(f"{row['name']} {row['state']}" for row in board["subsystems"]):
        yield f"Subsystems: {text}."
    if count := board["counts"]["conflicts"]:
        yield f"Open conflicts in all: {count}. The tool overview shows them."


def _more(rows: list[Any], what: str) -> Iterable[str]:
    if len(rows) > MOST_ITEMS:
        yield f"And {len(rows) - MOST_ITEMS} more {what}: see the tool my_situation."


def _listed(items: Iterable[str], most: int = 20) -> str:
    found = [_short(item, _MOST_LETTERS) for item in items]
    rest = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + rest


def _short(text: str, most: int) -> str:
    """In one line: what others wrote is not to look like a line of ours."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _cut(text: str) -> str:
    encoded = text.encode()
    if len(encoded) <= MOST_BYTES:
        return text
    end = "\n… see the tools my_situation and overview."
    return encoded[: MOST_BYTES - len(end.encode())].decode(errors="ignore") + end
