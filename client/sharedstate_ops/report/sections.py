"""The tables of a report, the same ones for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sharedstate_ops.cli.shown import UNITS, clock, details, figure, names, seconds_between, span


class Bad(str):
    """Text of a cell that needs attention."""

    __slots__ = ()


class Section(NamedTuple):
    """A heading and a table; the columns named in `numbers` hold numbers."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[str] = ()
    note: str = ""


def before_budgets(report: dict[str, Any]) -> list[Section]:
    """How far it is, and what was in the way."""
    return [_subsystems(report), _conflicts(report)]


def after_budgets(report: dict[str, Any]) -> list[Section]:
    """Who did what."""
    return [_agents(report), _waits(report), _lock_events(report), _versions(report)]


def amount(used: Any, budget: Any) -> str:
    """What is used of a budget, if there is one."""
    said = figure(used) if budget is None else f"{figure(used)} of {figure(budget)}"
    return Bad(f"{said} (over)") if budget is not None and used > budget else said


def _subsystems(report: dict[str, Any]) -> Section:
    rows = []
    for row in report["subsystems"]:
        amounts = [amount(row[f"current_{key}"], row[f"budget_{key}"]) for key in UNITS]
        rows.append([row["name"], row["state"], *amounts])
    units = list(UNITS.values())
    return Section("subsystems", ["name", "state", *units], rows, units)


def _conflicts(report: dict[str, Any]) -> Section:
    rows = []
    for row in report["conflicts"]:
        what = [row["severity"], row["source_agent"], row["target_agent"], row["description"]]
        length = span(row["open_seconds"])
        if row["status"] == "open":
            end: str = Bad(f"open for {length}")
        else:
            end = f"after {length}, by {row['resolved_by']}: {row['resolution']}"
        rows.append([str(row["conflict_id"]), *what, end])
    return Section("conflicts", ["#", "severity", "from", "for", "what", "end"], rows, ["#"])


def _agents(report: dict[str, Any]) -> Section:
    rows = []
    for row in report["agents"]:
        length = span(seconds_between(row["first_at"], row["last_at"]))
        done = names(f"{name} {count}" for name, count in row["activities"].items())
        rows.append([row["agent_name"], clock(row["first_at"]), length, str(row["entries"]), done])
    return Section("agents", ["agent", "from", "for", "entries", "what"], rows, ["entries"])


def _waits(report: dict[str, Any]) -> Section:
    rows = [
        [row["agent_name"], row["for"] or "", str(row["times"]), span(row["seconds"])]
        for row in report["waits"]
    ]
    for row in report["waiting_now"]:
        what = f"{row['resource_type']} {row['resource_name']}, now in line at {row['position']}"
        length = span(seconds_between(row["waiting_since"], report["server_time"]))
        rows.append([row["agent_name"], what, "1", length])
    note = "for locks from a second up; else by entries `waiting` of agents, up to their next entry"
    numbers = ["times", "in all"]
    return Section("waiting", ["agent", "for", *numbers], rows, numbers, note)


def _lock_events(report: dict[str, Any]) -> Section:
    rows = [
        [clock(row["timestamp"]), row["agent_name"], row["activity"], details(row["details"])]
        for row in report["lock_events"]
    ]
    heading = "locks that were lost, forced or refused"
    return Section(heading, ["at", "agent", "what", "details"], rows)


def _versions(report: dict[str, Any]) -> Section:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in report["versions"]:
        found.setdefault((row["subsystem"], row["document"]), []).append(row)
    rows = []
    for (subsystem, document), versions in sorted(found.items()):
        newest = versions[-1]
        counts = [str(len(versions)), str(newest["version"])]
        rows.append(
            [subsystem, document, *counts, newest["created_by"], clock(newest["created_at"])]
        )
    columns = ["subsystem", "document", "versions", "last", "by", "at"]
    return Section("versions published", columns, rows, ["versions", "last"])
