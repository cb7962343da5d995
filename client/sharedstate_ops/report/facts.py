"""What a report says, read from the tables and the log; the shape is in docs/commands.md."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sharedstate_ops.cli.shown import UNITS
from sharedstate_ops.operator import Operator
from sharedstate_ops.report import queries

ROBOT = ("robot", "robot")
# Points of a curve: more could not be told apart in a plot.
_POINTS = 300
# By scope, name and quantity: times, and the value from then on.
Curves = dict[tuple[str, str, str], list[tuple[str, Any]]]


def gather(operator: Operator, since: datetime | None = None) -> dict[str, Any]:
    """The whole report, of what happened since a time, or ever."""
    (span,) = operator.read(queries.SPAN, since=since)

    def read(query: str, **values: Any) -> list[Any]:
        return operator.read(query, **span, **values)

    return {
        "workspace": operator.workspace,
        **span,
        "subsystems": operator.read(
            """select s.* from public.system_status as s where s.workspace = %(workspace)s
               order by s.name"""
        ),
        "agents": read(queries.AGENTS),
        "waits": read(queries.WAITS),
        "waiting_now": read(queries.QUEUE),
        "lock_events": read(queries.LOCK_EVENTS),
        "conflicts": read(queries.CONFLICTS),
        "versions": read(queries.VERSIONS),
        "budgets": _budgets(read(queries.USES, points=_POINTS), read(queries.ALLOCATIONS)),
    }


def _budgets(uses: list[dict[str, Any]], allocations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A pair of curves for each budget and quantity of which there is something."""
    used = _used(uses)
    allocated = _allocated(allocations)
    keys = sorted(used.keys() | allocated.keys(), key=lambda key: (key[0] != ROBOT[0], key))
    rows = [
        {
            "scope": scope,
            "name": name,
            "quantity": quantity,
            "allocated": allocated.get((scope, name, quantity), []),
            "used": used.get((scope, name, quantity), []),
        }
        for scope, name, quantity in keys
    ]
    return [row for row in rows if any(value for _, value in [*row["allocated"], *row["used"]])]


def _used(uses: list[dict[str, Any]]) -> Curves:
    curves: Curves = {}
    now: dict[str, dict[str, Any]] = {}
    for row in sorted(uses, key=lambda row: datetime.fromisoformat(row["at"])):
        now[row["subsystem"]] = row
        for quantity in UNITS:
            _extend(curves, (*_budget(row["subsystem"]), quantity), row["at"], row[quantity])
            total = round(sum(float(each[quantity]) for each in now.values()), 6)
            _extend(curves, (*ROBOT, quantity), row["at"], total)
    return curves


def _allocated(versions: list[dict[str, Any]]) -> Curves:
    curves: Curves = {}
    for version in versions:
        budgets = version["budget_allocations"]
        given = [each.get("power_w") for each in budgets.values()]
        power = [float(each) for each in given if each is not None]
        robot = {
            "mass_kg": version["total_mass_kg_max"],
            "cost_usd": version["total_cost_usd_max"],
            "power_w": sum(power) if power else None,
        }
        named = {ROBOT: robot} | {_budget(name): budget for name, budget in budgets.items()}
        for key, budget in named.items():
            for quantity in UNITS:
                _extend(curves, (*key, quantity), version["at"], budget.get(quantity))
    return curves


def _budget(name: str) -> tuple[str, str]:
    """Its scope and name, as in the view budget_usage."""
    return ("reserve" if name == "reserve" else "subsystem", name)


def _extend(curves: Curves, key: tuple[str, str, str], at: str, value: Any) -> None:
    """Add a point where the value changes; a later one of the same time replaces it."""
    curve = curves.setdefault(key, [])
    if curve and curve[-1][0] == at:
        curve.pop()
    if not curve or curve[-1][1] != value:
        curve.append((at, value))
