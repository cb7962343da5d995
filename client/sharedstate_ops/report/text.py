"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from sharedstate_ops.cli.shown import (
    UNITS,
    clock,
    details,
    figure,
    names,
    plain,
    seconds_between,
    span,
    table,
)
from sharedstate_ops.report.curves import Frame, sparkline

# The log has who waits by the word of the agents alone: no lock writes how long it took.
WAITS_NOTE = (
    "by entries `waiting` that agents log, up to their next entry; "
    "how long a lock was waited for is not recorded"
)


def text(report: dict[str, Any]) -> Iterator[RenderableType]:
    """Its parts, one below the other."""
    length = span(seconds_between(report["begins_at"], report["ends_at"]))
    head = f"{report['workspace']}, {clock(report['begins_at'])}, {length}"
    yield plain(head, "bold")
    for heading, part in (
        ("subsystems", _subsystems(report)),
        ("agents", _agents(report)),
        (f"waiting ({WAITS_NOTE})", _waits(report)),
        ("locks that were lost, forced or refused", _lock_events(report)),
        ("conflicts", _conflicts(report)),
        ("budgets over time", _budgets(report)),
        ("versions published", _versions(report)),
    ):
        yield Text(f"\n{heading}", style="bold")
        yield part


def _subsystems(report: dict[str, Any]) -> RenderableType:
    shown = table("name", "state", "kg", "USD", "W", right=["kg", "USD", "W"])
    for row in report["subsystems"]:
        figures = [_of(row, quantity) for quantity in UNITS]
        shown.add_row(plain(row["name"]), plain(row["state"]), *figures)
    return shown


def _of(row: dict[str, Any], quantity: str) -> Text:
    used, budget = row[f"current_{quantity}"], row[f"budget_{quantity}"]
    limit = "" if budget is None else f" of {figure(budget)}"
    over = budget is not None and used > budget
    return Text(f"{figure(used)}{limit}", style="red" if over else "")


def _agents(report: dict[str, Any]) -> RenderableType:
    shown = table("agent", "from", "for", "entries", "what", right=["entries"])
    for row in report["agents"]:
        done = names(f"{name} {count}" for name, count in row["activities"].items())
        length = span(seconds_between(row["first_at"], row["last_at"]))
        count = str(row["entries"])
        shown.add_row(plain(row["agent_name"]), clock(row["first_at"]), length, count, plain(done))
    return shown


def _waits(report: dict[str, Any]) -> RenderableType:
    shown = table("agent", "for", "times", "in all", right=["times", "in all"])
    for row in report["waits"]:
        cells = [plain(row["agent_name"]), plain(row["for"])]
        shown.add_row(*cells, str(row["times"]), span(row["seconds"]))
    for row in report["waiting_now"]:
        what = f"{row['resource_type']} {row['resource_name']}, now in line at {row['position']}"
        length = span(seconds_between(row["waiting_since"], report["server_time"]))
        shown.add_row(plain(row["agent_name"]), plain(what), "1", length)
    return shown if shown.row_count else Text("none")


def _lock_events(report: dict[str, Any]) -> RenderableType:
    shown = table("at", "agent", "what", "details")
    for row in report["lock_events"]:
        cells = [plain(row["agent_name"]), plain(row["activity"]), plain(details(row["details"]))]
        shown.add_row(clock(row["timestamp"]), *cells)
    return shown if shown.row_count else Text("none")


def ended(row: dict[str, Any]) -> str:
    """How a conflict ended, and after how long."""
    length = span(row["open_seconds"])
    if row["status"] == "open":
        return f"open for {length}"
    return f"after {length}, by {row['resolved_by']}: {row['resolution']}"


def _conflicts(report: dict[str, Any]) -> RenderableType:
    shown = table("#", "severity", "from", "for", "what", "end", right=["#"])
    for row in report["conflicts"]:
        cells = (row["severity"], row["source_agent"], row["target_agent"], row["description"])
        end = plain(ended(row), "red" if row["status"] == "open" else "")
        shown.add_row(str(row["conflict_id"]), *map(plain, cells), end)
    return shown if shown.row_count else Text("none")


def _budgets(report: dict[str, Any]) -> RenderableType:
    shown = table("name", "", "used", "", "allocated", right=["used", "allocated"])
    for row in report["budgets"]:
        frame = Frame(report["begins_at"], report["ends_at"], row["used"], row["allocated"])
        used, allocated = last(row["used"]), last(row["allocated"])
        over = allocated is not None and (used or 0) > allocated
        shown.add_row(
            plain(row["name"]),
            UNITS[row["quantity"]],
            figure(used or 0),
            Text(sparkline(frame, row["used"]), style="red" if over else "green"),
            figure(allocated),
        )
    return shown if shown.row_count else Text("none")


def last(curve: list[tuple[str, Any]]) -> Any:
    """The value at its end."""
    return curve[-1][1] if curve else None


def _versions(report: dict[str, Any]) -> RenderableType:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in report["versions"]:
        found.setdefault((row["subsystem"], row["document"]), []).append(row)
    shown = table(
        "subsystem", "document", "versions", "last", "by", "at", right=["versions", "last"]
    )
    for (subsystem, document), rows in sorted(found.items()):
        newest = rows[-1]
        cells: list[str | Text] = [str(len(rows)), str(newest["version"])]
        cells.append(plain(newest["created_by"]))
        shown.add_row(plain(subsystem), document, *cells, clock(newest["created_at"]))
    return shown if shown.row_count else Text("none")
