"""What people see: the board while the agents work, and the result at the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from humanoid.domain.amounts import RESOURCES, Amounts, amounts_of
from humanoid.flow import ARCHITECT, READS, Json

STYLE: Any = {
    "title_justify": "left",
    "title_style": "bold",
    "box": SIMPLE_HEAD,
    "pad_edge": False,
    "show_edge": False,
}
ORDER = (ARCHITECT, *READS)
UNITS = {"mass_kg": "mass kg", "cost_usd": "cost USD", "power_w": "power W"}
COLOURS = {"complete": "green", "over_budget": "red", "infeasible": "red", "not_converged": "red"}
# Of interest to the database, not to people who watch a design grow.
QUIET = {"status_updated", "checked_in", "started", "stopped"}


def status_table(rows: Iterable[Mapping[str, Any]], waiting: Mapping[str, str] | None) -> Table:
    """The rows of `system_status` in the order of the design's flow.

    `waiting` tells what each subsystem waits for; None leaves that column out.
    """
    by_name = {row["name"]: row for row in rows}
    table = Table(title="humanoid", expand=waiting is not None, **STYLE)
    table.add_column("subsystem", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for unit in UNITS.values():
        table.add_column(unit, justify="right", no_wrap=True)
    if waiting is not None:
        table.add_column("locked by / waiting for", ratio=1, no_wrap=True, overflow="ellipsis")
    for name in ORDER:
        if name in by_name:
            cells = _cells(name, by_name[name])
            if waiting is not None:
                cells.append(Text(by_name[name]["locked_by"] or waiting.get(name, "")))
            table.add_row(*cells)
    return table


def _cells(name: str, row: Mapping[str, Any]) -> list[Text]:
    state = Text(str(row["state"]), style=COLOURS.get(row["state"], "yellow"))
    if row["active_conflicts"]:
        state.append(" !", style="bold red")
    return [Text(name), state, *(_of_budget(row, resource) for resource in RESOURCES)]


def _of_budget(row: Mapping[str, Any], resource: str) -> Text:
    """`8.75 of 8.75`, red when over; empty where nothing was designed."""
    current, budget = row[f"current_{resource}"], row[f"budget_{resource}"]
    if not current:
        return Text("")
    text = _figure(current, resource)
    if not budget:
        return Text(text)
    style = "red" if current > budget else ""
    return Text(f"{text} of {_figure(budget, resource)}", style=style)


def _figure(value: float, resource: str) -> str:
    return f"{value:,.2f}" if resource == "mass_kg" else f"{value:,.0f}"


def activity_line(entry: Mapping[str, Any]) -> str:
    """`14:02:11 actuation_agent   design_complete   8.7 kg, 4,060 USD, 730 W` in local time."""
    at = datetime.fromisoformat(entry["timestamp"]).astimezone()
    what = f"{entry['agent_name']:<17} {entry['activity']:<20}"
    return f"{at:%H:%M:%S} {what} {_described(entry['details'] or {})}".rstrip()


def _described(details: Mapping[str, Any]) -> str:
    """The details that tell something, in words."""
    number = f"#{details['conflict_id']} " if "conflict_id" in details else ""
    if "mass_kg" in details:
        return str(amounts_of(details))
    if "severity" in details:
        return f"{number}{details['severity']}, for {details.get('target', 'nobody')}"
    for key in ("resolution", "reason", "for"):
        if key in details:
            return f"{number}{'for ' if key == 'for' else ''}{details[key]}"
    if "subsystem" in details and "version" in details:
        return f"{details['subsystem']}, version {details['version']}"
    return ", ".join(f"{key} {value}" for key, value in details.items())


def loud(entries: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The entries worth watching."""
    return [entry for entry in entries if entry["activity"] not in QUIET]


def live_board(
    rows: Iterable[Mapping[str, Any]], recent: Collection[Mapping[str, Any]]
) -> RenderableType:
    """The board with the latest activity below it; `recent` is newest first."""
    waiting: dict[str, str] = {}
    for entry in recent:
        reason = entry["details"].get("for", "") if entry["activity"] == "waiting" else ""
        waiting.setdefault(entry["agent_name"].removesuffix("_agent"), reason)
    lines = [activity_line(entry) for entry in loud(recent)[:8]]
    shown = [Text(line, overflow="ellipsis", no_wrap=True) for line in reversed(lines)]
    return Group(status_table(rows, waiting), *shown)


def conflict_table(conflicts: Iterable[Mapping[str, Any]]) -> Table:
    """All conflicts, and how each was resolved."""
    table = Table(title="conflicts", **STYLE)
    table.add_column("#", justify="right")
    table.add_column("from")
    table.add_column("severity")
    table.add_column("what", ratio=1)
    table.add_column("resolution", ratio=1)
    for conflict in conflicts:
        answers = [
            event["details"][key]
            for event in conflict["history"]
            for key in ("note", "resolution")
            if key in event["details"]
        ]
        is_open = conflict["status"] == "open"
        if is_open:
            answers.append("open")
        table.add_row(
            str(conflict["conflict_id"]),
            conflict["source_agent"].removesuffix("_agent"),
            conflict["severity"],
            conflict["description"],
            Text("\n".join(answers), style="red" if is_open else ""),
        )
    return table


def bill_summary(design: Json) -> Table:
    """The bill of materials by subsystem, with totals against the limits."""
    lines: list[Json] = design["bill_of_materials"]
    table = Table(title="bill of materials", **STYLE)
    table.add_column("subsystem")
    table.add_column("lines", justify="right")
    table.add_column("pieces", justify="right")
    for unit in UNITS.values():
        table.add_column(unit, justify="right")
    for name in dict.fromkeys(line["subsystem"] for line in lines):
        own = [line for line in lines if line["subsystem"] == name]
        sums = [sum(line[f"total_{r}"] for line in own) for r in RESOURCES]
        pieces = sum(line["quantity"] for line in own)
        table.add_row(name, str(len(own)), str(pieces), *_figures(Amounts(*sums)))
    table.add_section()
    pieces = sum(line["quantity"] for line in lines)
    totals, limits = amounts_of(design["totals"]), amounts_of(design["limits"])
    table.add_row("total", str(len(lines)), str(pieces), *_figures(totals), style="bold")
    table.add_row("limit", "", "", *_figures(limits))
    return table


def _figures(amounts: Amounts) -> list[str]:
    return [_figure(amounts[resource], resource) for resource in RESOURCES]
