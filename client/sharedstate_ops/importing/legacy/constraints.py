"""constraints/global.json (both shapes) and config/global_requirements.json."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from sharedstate.config import name_fault
from sharedstate_ops.importing.legacy import fields as read
from sharedstate_ops.importing.legacy.fields import Fields, kind, present
from sharedstate_ops.importing.legacy.files import Source
from sharedstate_ops.importing.reading import Place

LIMITS = ("total_mass_kg_max", "total_cost_usd_max", "height_m", "voltage_v")
QUANTITIES = ("mass_kg", "cost_usd", "power_w")
TIMES = ("timestamp", "updated_at", "last_updated", "created_at")

# The older shape: one object a quantity, with the unit at the end of each key.
OLDER_SHAPE = {
    "mass_budget_allocation": ("mass_kg", "_kg", "total_mass_kg_max"),
    "cost_budget_allocation": ("cost_usd", "_usd", "total_cost_usd_max"),
    "power_budget_allocation": ("power_w", "_w", None),
}
NEWER_SHAPE = "budget_allocations"
# Where the customer's requirements name the same limits.
REQUIRED_LIMITS = {
    "total_mass_kg_max": ("physical", "mass_kg_max"),
    "total_cost_usd_max": ("constraints", "cost_usd_max"),
    "height_m": ("physical", "height_m"),
    "voltage_v": ("constraints", "voltage_v"),
}


def read_constraints(source: Source) -> None:
    """Adds at most one version of the global constraints to the reading."""
    wanted = source.config / "global_requirements.json"
    path = source.state / "constraints" / "global.json"
    for other in source.children(path.parent) + source.children(source.config):
        if other not in (path, wanted):
            source.pass_over(other)
    requirements = source.json_object(wanted)
    values = source.json_object(path)
    if values is None and (requirements is None or os.path.lexists(path)):
        # Someone may still repair a broken global.json and import again: an entry made of the
        # requirements alone would then stand in its way.
        return
    fields = Fields(values or {}, source.place(wanted if values is None else path))
    entry = _constraints(fields)
    source.reading.leave_out(fields.wrong)
    if requirements is not None:
        wishes = Fields(requirements, source.place(wanted))
        kept = wishes.rest()
        source.reading.leave_out(wishes.wrong)
        entry["metadata"].setdefault("requirements", kept)
        entry = _required_limits(source, wishes.place, kept) | entry
    source.reading.add(entry, fields.place)


def _constraints(fields: Fields) -> dict[str, Any]:
    budgets: dict[str, dict[str, Any]] = {}
    totals: dict[str, Any] = {}
    for key, (quantity, suffix, limit) in OLDER_SHAPE.items():
        for members, written, subsystem in _by_subsystem(fields, key, suffix):
            amount = members.take(read.amount, written)
            if amount is not None and subsystem == "total" and limit:
                totals[limit] = amount
            elif amount is not None:
                budgets.setdefault(subsystem, {})[quantity] = amount
    for members, written, subsystem in _by_subsystem(fields, NEWER_SHAPE):
        budget = members.inside(written)
        if budget is not None:
            amounts = present(**{key: budget.take(read.amount, key) for key in QUANTITIES})
            budgets.setdefault(subsystem, {}).update(amounts | budget.rest())
    limits = present(**{key: fields.take(read.amount, key) for key in LIMITS})
    return {
        **totals,
        **limits,
        **present(created_at=fields.take(read.time, *TIMES)),
        "created_by": fields.take(read.name, "created_by") or "system_architect",
        "budget_allocations": budgets,
        "metadata": (fields.take(read.mapping, "metadata") or {}) | fields.rest(),
    }


def _by_subsystem(fields: Fields, key: str, suffix: str = "") -> Iterator[tuple[Fields, str, str]]:
    """The members of the object under a key, each with its key and the subsystem that it names."""
    members = fields.inside(key)
    for written in list(members.values) if members else ():
        assert members is not None
        subsystem = written.removesuffix(suffix)
        if reason := name_fault(subsystem):
            members.refuse(written, f"is no name: it {reason}")
        else:
            yield members, written, subsystem


def _required_limits(source: Source, place: Place, wishes: dict[str, Any]) -> dict[str, Any]:
    """The limits of the whole that the customer's requirements name."""
    limits: dict[str, Any] = {}
    for limit, (group, key) in REQUIRED_LIMITS.items():
        members = wishes.get(group)
        value = members.get(key) if isinstance(members, dict) else None
        try:
            limits |= present(**{limit: None if value is None else read.amount(value)})
        except ValueError:
            # Nothing is lost: it stays in the requirements.
            text = f"is no usable limit ({kind(value)}); kept in the requirements"
            source.reading.note(place.at(group, key), text)
    return limits
