"""The report as one page of HTML that needs nothing else: no script, no other file, no host."""

from __future__ import annotations

from html import escape
from typing import Any

from sharedstate_ops.cli.shown import UNITS, clock, plain, seconds_between, span
from sharedstate_ops.report.curves import Frame, last, svg
from sharedstate_ops.report.sections import Bad, Section, after_budgets, amount, before_budgets

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
  vertical-align: top; overflow-wrap: break-word; max-width: 24rem; }
section { overflow-x: auto; }
th { white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
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
        *map(_section, before_budgets(report)),
        f"<section>\n<h2>Budgets over time</h2>\n{_plots(report)}\n</section>",
        *map(_section, after_budgets(report)),
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


def _section(section: Section) -> str:
    note = f"<p>{escape(section.note)}</p>\n" if section.note else ""
    heading = f"<h2>{escape(section.heading.capitalize())}</h2>"
    return f"<section>\n{heading}\n{note}{_table(section)}\n</section>"


def _table(section: Section) -> str:
    if not section.rows:
        return "<p>none</p>"
    right = [" number" if name in section.numbers else "" for name in section.columns]
    head = [_cell("th", name, kind) for name, kind in zip(section.columns, right, strict=True)]
    rows = ["".join(head)]
    for row in section.rows:
        rows.append("".join(_cell("td", cell, kind) for cell, kind in zip(row, right, strict=True)))
    return "<table>\n" + "\n".join(f"<tr>{row}</tr>" for row in rows) + "\n</table>"


def _cell(tag: str, text: str, kind: str) -> str:
    kinds = kind + (" bad" if isinstance(text, Bad) else "")
    named = f' class="{kinds.strip()}"' if kinds else ""
    return f"<{tag}{named}>{_text(text)}</{tag}>"


def _plots(report: dict[str, Any]) -> str:
    figures = []
    for row in report["budgets"]:
        frame = Frame(report["begins_at"], report["ends_at"], row["used"], row["allocated"])
        used = amount(last(row["used"]) or 0, last(row["allocated"]))
        said = f"{row['name']}, {UNITS[row['quantity']]}: {used}"
        plot = svg(frame, said, row["used"], row["allocated"])
        kind = ' class="bad"' if isinstance(used, Bad) else ""
        figures.append(f"<figure>\n{plot}\n<figcaption{kind}>{_text(said)}</figcaption>\n</figure>")
    if not figures:
        return "<p>none</p>"
    note = "<p>The line is what is used, the dashed one what is allocated.</p>"
    return f'{note}\n<div class="plots">\n' + "\n".join(figures) + "\n</div>"
