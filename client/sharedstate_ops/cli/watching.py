"""What `sharedstate watch` shows of a board, as lines that fit a window. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from sharedstate_ops.cli.shown import (
    SEVERITY_STYLE,
    UNITS,
    clock,
    details,
    figure,
    names,
    plain,
    seconds_between,
    span,
)

_NARROW = 72  # columns: below that figures are left out
_COUNTED = (
    ("subsystems", "subsystem"),
    ("conflicts", "conflict"),
    ("leases", "lock"),
    ("queue", "waiter"),
)


@dataclass(frozen=True)
class Section:
    """A part of the picture. Of `lines` those that are cut off are counted at its end."""

    heading: str
    lines: Sequence[Text]
    newest_last: bool = False

    def cut(self, height: int) -> list[Text]:
        """Its heading and as many lines as fit; nothing where not even one line fits."""
        if height < 2 or not self.lines:
            return []
        shown = list(self.lines)
        if len(shown) > height - 1:
            if self.newest_last:
                shown = shown[-(height - 1) :]
            else:
                kept = height - 2
                more = Text(f"and {len(shown) - kept} more", style="dim")
                shown = [*shown[:kept], more]
        return [Text(self.heading, style="bold"), *shown]


@dataclass(frozen=True)
class Filter:
    """Which subsystem or agent is watched; all where nothing is named."""

    subsystem: str | None = None
    agent: str | None = None

    def wants(self, *, subsystems: Iterable[str | None], agents: Iterable[str | None]) -> bool:
        """Whether something that concerns these is shown."""
        of_agents = {name for name in agents if name}
        of_subsystems = {name for name in subsystems if name} | set(map(subsystem_of, of_agents))
        return (self.subsystem is None or self.subsystem in of_subsystems) and (
            self.agent is None or self.agent in of_agents
        )


def subsystem_of(agent: str) -> str:
    """The subsystem that an agent belongs to, as in the view system_status."""
    for ending in ("_agent", "_designer"):
        if agent.endswith(ending) and agent != ending:
            return agent.removesuffix(ending)
    return agent


def picture(
    board: dict[str, Any],
    entries: Sequence[dict[str, Any]],
    wanted: Filter,
    *,
    width: int,
    height: int | None = None,
    cut_off: bool = False,
) -> list[Text]:
    """The board as lines; not more than `height` of them. `cut_off`: it could not be read anew."""
    head = [_head(board, cut_off=cut_off), _totals(board)]
    sections = [
        Section("needs attention", _attention(board, wanted)),
        Section("subsystems", _subsystems(board, wanted, width=width)),
        Section("locks", _locks(board, wanted)),
        Section("log", [_entry(each) for each in entries if _concerns(each, wanted)], True),
    ]
    if height is None:
        heights = [len(section.lines) + 1 for section in sections]
    else:
        heights = shares([len(section.lines) for section in sections], height - len(head))
    parts = (section.cut(lines) for section, lines in zip(sections, heights, strict=True))
    shown = [*head, *(line for part in parts for line in part)]
    return shown if height is None else shown[:height]


def shares(lengths: Sequence[int], height: int) -> list[int]:
    """How many lines each section gets with its heading: a few each, the rest to the first."""
    heights = [0] * len(lengths)
    for least in (1, height // len(lengths), height):
        for place, length in enumerate(lengths):
            want = min(length, least) + 1 if length else 0
            more = min(want - heights[place], height - sum(heights))
            if more > 0 and heights[place] + more >= 2:
                heights[place] += more
    return heights


def _head(board: dict[str, Any], *, cut_off: bool) -> Text:
    at = clock(board["server_time"]).split()[1]
    when = f"as of {at}, reconnecting" if cut_off else at
    counts = names(filter(None, (_count(board["counts"][key], what) for key, what in _COUNTED)))
    head = Text.assemble(plain(board["workspace"], "bold"), "  ")
    head.append(when, "bold red" if cut_off else "")
    return head.append(f"  {counts}")


def _totals(board: dict[str, Any]) -> Text:
    line = Text()
    for row in board["budgets"]:
        limit = "" if row["allocated"] is None else f" of {figure(row['allocated'])}"
        over = (row["remaining"] or 0) < 0
        said = f"{figure(row['used'])}{limit} {UNITS[row['quantity']]}"
        line.append(said + "  ", "red" if over else "")
    return line


def _attention(board: dict[str, Any], wanted: Filter) -> list[Text]:
    lines = []
    for row in board["conflicts"]:
        agents = [row["source_agent"], row["target_agent"], *row["blocks_agents"]]
        if wanted.wants(subsystems=[], agents=agents):
            blocks = f", blocks {names(row['blocks_agents'])}" if row["blocks_agents"] else ""
            head = f"#{row['conflict_id']} {row['severity']}, for {row['target_agent']}{blocks}"
            style = SEVERITY_STYLE.get(row["severity"], "")
            lines.append(plain(f"{head}: {row['description']}", style))
    subsystems = [row for row in board["subsystems"] if _watched(row, wanted)]
    for row in subsystems:
        if row["within_budget"] is False:
            lines.append(plain(f"{row['name']} is over budget: {_figures(row)}", "red"))
    for row in subsystems:
        for each in row["stale_inputs"]:
            changed = f"{each['subsystem']} {each['document']} is at {each['new_version']}"
            seen = f"it was made from {each['seen_version']}"
            lines.append(plain(f"{row['name']} is stale: {changed}, {seen}", "yellow"))
    for row in board["leases"]:
        left = seconds_between(board["server_time"], row["expires_at"])
        # Who renews does so at a third of the time.
        if left < row["ttl_seconds"] / 4 and not row["provisional"] and _is_lock_of(row, wanted):
            what = f"{row['resource_type']} {row['resource_name']}"
            said = f"the lock of {what} ends in {span(left)}: {row['locked_by']} is silent"
            lines.append(plain(said, "yellow"))
    return lines


def _watched(row: dict[str, Any], wanted: Filter) -> bool:
    agents = [row["locked_by"]]
    if wanted.agent is not None and subsystem_of(wanted.agent) == row["name"]:
        agents.append(wanted.agent)
    return wanted.wants(subsystems=[row["name"]], agents=agents)


def _is_lock_of(row: dict[str, Any], wanted: Filter) -> bool:
    name = row["resource_name"] if row["resource_type"] == "subsystem" else None
    return wanted.wants(subsystems=[name], agents=[row.get("locked_by"), row.get("agent_name")])


def _subsystems(board: dict[str, Any], wanted: Filter, *, width: int) -> list[Text]:
    """First those over budget, stale or with conflicts, then those at work, the rest by name."""
    rows = [row for row in board["subsystems"] if _watched(row, wanted)]
    rows.sort(
        key=lambda row: (
            row["within_budget"] is not False,
            not row["stale_inputs"],
            -row["active_conflicts"],
            row["locked_by"] is None,
            row["name"],
        )
    )
    longest = max((plain(row["name"]).cell_len for row in rows), default=0)
    return [_subsystem(row, min(longest, 24), with_figures=width >= _NARROW) for row in rows]


def _subsystem(row: dict[str, Any], name_width: int, *, with_figures: bool) -> Text:
    line = Text()
    for text, cells in ((row["name"], name_width), (row["state"], 12)):
        part = plain(text)
        part.truncate(cells, overflow="ellipsis", pad=True)
        line.append(part).append("  ")
    if with_figures:
        style = "red" if row["within_budget"] is False else ""
        line.append(f"{_figures(row):<36}  ", style)
    for said, style in (
        (_count(row["active_conflicts"], "conflict"), "red"),
        ("stale" if row["stale_inputs"] else "", "yellow"),
        (f"held by {row['locked_by']}" if row["locked_by"] else "", "cyan"),
        (f"{row['queue_length']} waiting" if row["queue_length"] else "", "cyan"),
    ):
        if said:
            line.append(plain(said, style)).append("  ")
    line.rstrip()
    return line


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


def _figures(row: dict[str, Any]) -> str:
    parts = []
    for quantity, unit in UNITS.items():
        used, budget = row[f"current_{quantity}"], row[f"budget_{quantity}"]
        parts.append(f"{figure(used)}{'' if budget is None else f'/{figure(budget)}'} {unit}")
    return "  ".join(parts)


def _locks(board: dict[str, Any], wanted: Filter) -> list[Text]:
    lines = []
    waiting: dict[tuple[str, str], list[str]] = {}
    for row in board["queue"]:
        if _is_lock_of(row, wanted):
            place = (row["resource_type"], row["resource_name"])
            waiting.setdefault(place, []).append(row["agent_name"])
    for row in board["leases"]:
        place = (row["resource_type"], row["resource_name"])
        behind = waiting.pop(place, [])
        if behind or _is_lock_of(row, wanted):
            left = span(seconds_between(board["server_time"], row["expires_at"]))
            queue = f", then {names(behind)}" if behind else ""
            lines.append(plain(f"{' '.join(place)}: {row['locked_by']}, {left} left{queue}"))
    lines += [plain(f"{' '.join(place)}: next {names(w)}") for place, w in waiting.items()]
    return lines


def _concerns(entry: dict[str, Any], wanted: Filter) -> bool:
    said = entry["details"].get("subsystem")
    name = said if isinstance(said, str) else None
    return wanted.wants(subsystems=[name], agents=[entry["agent_name"]])


def _entry(entry: dict[str, Any]) -> Text:
    at = clock(entry["timestamp"]).split()[1]
    said = details(entry["details"])
    return plain(f"{at} {entry['agent_name']} {entry['activity']} {said}".rstrip())
