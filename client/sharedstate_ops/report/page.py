"""The report as one page of HTML that needs nothing else: no script, no other file, no host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from sharedstate_ops.cli.shown import UNITS, clock, details, figure, plain, seconds_between, span
from sharedstate_ops.report.curves import Frame, svg
from sharedstate_ops.report.text import WAITS_NOTE, ended, last

_STYLE = """
:root { color-scheme: light dark; --line: #8886;
  --used: #1769aa; --limit: #b25e00; --bad: #c62828; }
@media (prefers-color-scheme: dark) {
  :root { --used: #6cb6ff; --limit: #ffb74d; --bad: #ff8a80; }
}
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem;
  padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .6rem .2rem 0; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; min-width: 7rem; }
th { white-space: nowrap; }
.number { text-align: right; white-space: nowrap; min-width: 2rem; }
.bad { color: var(--bad); font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem; }
figure { margin: 0; }
figcaption { overflow-wrap: anywhere; }
.plot { width: 100%; height: auto; }
.plot text { font-size: 11px; fill: currentColor; }
.plot path, .plot line { fill: none; stroke-width: 1.5; }
.axis { stroke: var(--line); }
.used { stroke: var(--used); }
.allocated { stroke: var(--limit); stroke-dasharray: 5 4; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: dict[str, Any]) -> str:
    """The whole page."""
    title = f"{_text(report['workspace'])}: what happened"
    length = span(seconds_between(report["begins_at"], report["ends_at"]))
    parts = [
        f"<h1>{title}</h1>",
        f"<p>{clock(report['begins_at'])} to {clock(report['ends_at'])}, {length}</p>",
        _section("Subsystems", _subsystems(report)),
        _section("Conflicts", _conflicts(report)),
        _section("Budgets over time", _plots(report)),
        _section("Agents", _agents(report)),
        _section("Waiting", f"<p>{escape(WAITS_NOTE)}</p>{_waits(report)}"),
        _section("Locks that were lost, forced or refused", _lock_events(report)),
        _section("Versions published", _versions(report)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _text(value: object) -> str:
    """Text of others, as text of HTML."""
    return escape(plain(value).plain)


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{heading}</h2>\n{content}\n</section>"


def _table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], numbers: Sequence[str] = ()
) -> str:
    """A table; "none" where there are no rows."""
    head = "".join(f"<th{_class(h, numbers)}>{escape(h)}</th>" for h in headings)
    body = [
        "<tr>"
        + "".join(
            f"<td{_class(h, numbers)}>{_text(cell)}</td>"
            for h, cell in zip(headings, row, strict=True)
        )
        + "</tr>"
        for row in rows
    ]
    if not body:
        return "<p>none</p>"
    return f"<table>\n<tr>{head}</tr>\n" + "\n".join(body) + "\n</table>"


def _class(heading: str, numbers: Sequence[str]) -> str:
    return ' class="number"' if heading in numbers else ""


def _subsystems(report: dict[str, Any]) -> str:
    rows = [
        (row["name"], row["state"], *(_of(row, quantity) for quantity in UNITS))
        for row in report["subsystems"]
    ]
    units = list(UNITS.values())
    return _table(["name", "state", *units], rows, units)


def _of(row: dict[str, Any], quantity: str) -> str:
    used, budget = row[f"current_{quantity}"], row[f"budget_{quantity}"]
    if budget is None:
        return figure(used)
    return f"{figure(used)} of {figure(budget)}{' (over)' if used > budget else ''}"


def _conflicts(report: dict[str, Any]) -> str:
    keys = ("conflict_id", "severity", "source_agent", "target_agent", "description")
    rows = [(*(row[key] for key in keys), ended(row)) for row in report["conflicts"]]
    return _table(["#", "severity", "from", "for", "what", "end"], rows, ["#"])


def _plots(report: dict[str, Any]) -> str:
    figures = []
    for row in report["budgets"]:
        frame = Frame(report["begins_at"], report["ends_at"], row["used"], row["allocated"])
        used, allocated = last(row["used"]), last(row["allocated"])
        limit = "" if allocated is None else f" of {figure(allocated)}"
        over = allocated is not None and (used or 0) > allocated
        said = f"{row['name']}: {figure(used or 0)}{limit} {UNITS[row['quantity']]}"
        kind = ' class="bad"' if over else ""
        plot = svg(frame, said, row["used"], row["allocated"])
        figures.append(f"<figure>\n{plot}\n<figcaption{kind}>{_text(said)}</figcaption>\n</figure>")
    if not figures:
        return "<p>none</p>"
    note = "<p>The line is what is used, the dashed one what is allocated.</p>"
    return f'{note}\n<div class="plots">\n' + "\n".join(figures) + "\n</div>"


def _agents(report: dict[str, Any]) -> str:
    rows = [
        (
            row["agent_name"],
            clock(row["first_at"]),
            span(seconds_between(row["first_at"], row["last_at"])),
            row["entries"],
            ", ".join(f"{name} {count}" for name, count in row["activities"].items()),
        )
        for row in report["agents"]
    ]
    return _table(["agent", "from", "for", "entries", "what"], rows, ["entries"])


def _waits(report: dict[str, Any]) -> str:
    ended_waits = [
        (row["agent_name"], row["for"], row["times"], span(row["seconds"]))
        for row in report["waits"]
    ]
    now = [
        (
            row["agent_name"],
            f"{row['resource_type']} {row['resource_name']}, now in line at {row['position']}",
            1,
            span(seconds_between(row["waiting_since"], report["server_time"])),
        )
        for row in report["waiting_now"]
    ]
    return _table(["agent", "for", "times", "in all"], ended_waits + now, ["times", "in all"])


def _lock_events(report: dict[str, Any]) -> str:
    rows = [
        (clock(row["timestamp"]), row["agent_name"], row["activity"], details(row["details"]))
        for row in report["lock_events"]
    ]
    return _table(["at", "agent", "what", "details"], rows)


def _versions(report: dict[str, Any]) -> str:
    keys = ("subsystem", "document", "version", "created_by")
    rows = [(clock(row["created_at"]), *(row[key] for key in keys)) for row in report["versions"]]
    return _table(["at", "subsystem", "document", "version", "by"], rows, ["version"])
