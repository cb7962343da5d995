"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from sharedstate_ops.cli.shown import UNITS, clock, figure, plain, seconds_between, span, table
from sharedstate_ops.report.curves import Frame, last, sparkline
from sharedstate_ops.report.sections import Bad, Section, after_budgets, amount, before_budgets


def text(report: dict[str, Any]) -> Iterator[RenderableType]:
    """Its parts, one below the other."""
    length = span(seconds_between(report["begins_at"], report["ends_at"]))
    head = f"{report['workspace']}, {clock(report['begins_at'])}, {length}"
    yield plain(head, "bold")
    for section in before_budgets(report):
        yield from _said(section)
    yield Text("\nbudgets over time", style="bold")
    yield _budgets(report)
    for section in after_budgets(report):
        yield from _said(section)


def _said(section: Section) -> Iterator[RenderableType]:
    note = f" ({section.note})" if section.note else ""
    yield Text(f"\n{section.heading}{note}", style="bold")
    shown = table(*section.columns, right=section.numbers)
    for row in section.rows:
        shown.add_row(*(plain(cell, "red" if isinstance(cell, Bad) else "") for cell in row))
    yield shown if section.rows else Text("none")


def _budgets(report: dict[str, Any]) -> RenderableType:
    shown = table("name", "", "used", "", "allocated", right=["used", "allocated"])
    for row in report["budgets"]:
        frame = Frame(report["begins_at"], report["ends_at"], row["used"], row["allocated"])
        used, allocated = last(row["used"]) or 0, last(row["allocated"])
        style = "red" if isinstance(amount(used, allocated), Bad) else "green"
        shown.add_row(
            plain(row["name"]),
            UNITS[row["quantity"]],
            figure(used),
            Text(sparkline(frame, row["used"]), style=style),
            figure(allocated),
        )
    return shown if report["budgets"] else Text("none")
