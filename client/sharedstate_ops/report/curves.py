"""Curves of a budget as a row of blocks for a terminal, and as SVG for a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from sharedstate_ops.cli.shown import figure, plain

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 480, 130, 60, 20
Curve = Sequence[tuple[str, Any]]


class Frame:
    """What a plot shows: from when to when, and up to which value."""

    def __init__(self, begins_at: str, ends_at: str, *curves: Curve) -> None:
        self.begins_at = datetime.fromisoformat(begins_at)
        self.ends_at = datetime.fromisoformat(ends_at)
        self.highest = max((float(value or 0) for curve in curves for _, value in curve), default=0)

    def across(self, at: str) -> float:
        """Where a time is, from 0 at the left to 1 at the right."""
        whole = (self.ends_at - self.begins_at).total_seconds()
        part = (datetime.fromisoformat(at) - self.begins_at).total_seconds()
        return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0

    def up(self, value: Any) -> float:
        """Where a value is, from 0 to 1 at the top."""
        return float(value) / self.highest if self.highest else 0.0


def last(curve: Curve) -> Any:
    """The value at its end."""
    return curve[-1][1] if curve else None


def sparkline(frame: Frame, curve: Curve, width: int = 24) -> str:
    """The curve in blocks; before it begins it is 0."""
    cells = []
    points = list(curve)
    value: Any = 0
    for place in range(width):
        while points and frame.across(points[0][0]) <= (place + 1) / width:
            value = points.pop(0)[1]
        cells.append(_BLOCKS[round(frame.up(value or 0) * (len(_BLOCKS) - 1))])
    return "".join(cells)


def svg(frame: Frame, title: str, used: Curve, allocated: Curve) -> str:
    """A plot of what is used as a line, and of what is allocated as a dashed one."""
    size = {"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "role": "img", "class": "plot"}
    plot = ElementTree.Element("svg", size | {"xmlns": "http://www.w3.org/2000/svg"})
    ElementTree.SubElement(plot, "title").text = plain(title).plain
    left, base = str(_LEFT), str(_HEIGHT - _BOTTOM)
    axis = {"x1": left, "y1": base, "x2": str(_WIDTH), "y2": base, "class": "axis"}
    ElementTree.SubElement(plot, "line", axis)
    clock = "%H:%M:%S" if (frame.ends_at - frame.begins_at).days < 1 else "%d.%m. %H:%M"
    for x, y, anchor, text in (
        (_LEFT - 6, 12, "end", figure(frame.highest)),
        (_LEFT - 6, _HEIGHT - _BOTTOM, "end", "0"),
        (_LEFT, _HEIGHT - 4, "start", f"{frame.begins_at.astimezone():{clock}}"),
        (_WIDTH, _HEIGHT - 4, "end", f"{frame.ends_at.astimezone():{clock}}"),
    ):
        place = {"x": str(x), "y": str(y), "text-anchor": anchor}
        ElementTree.SubElement(plot, "text", place).text = text
    for name, curve in (("allocated", allocated), ("used", used)):
        for path in _paths(frame, curve):
            ElementTree.SubElement(plot, "path", {"class": name, "d": path})
    return ElementTree.tostring(plot, encoding="unicode")


def _paths(frame: Frame, curve: Curve) -> list[str]:
    """The steps of a curve; a gap where it has no value."""
    paths: list[list[str]] = []
    is_open = False
    ends = [*(frame.across(at) for at, _ in curve[1:]), 1.0]
    for (at, value), end in zip(curve, ends, strict=False):
        if value is None:
            is_open = False
            continue
        x, y, until = _x(frame.across(at)), _y(frame.up(value)), _x(end)
        if is_open:
            paths[-1] += [f"V{y}", f"H{until}"]
        else:
            paths.append([f"M{x} {y}", f"H{until}"])
        is_open = True
    return ["".join(path) for path in paths]


def _x(across: float) -> str:
    return f"{_LEFT + across * (_WIDTH - _LEFT):.1f}"


def _y(up: float) -> str:
    return f"{(1 - up) * (_HEIGHT - _BOTTOM - 8) + 8:.1f}"
