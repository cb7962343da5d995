"""constraints/global.json (both shapes) and config/global_requirements.json."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any

from sharedstate_ops.importing.legacy.fields import Fields
from sharedstate_ops.importing.legacy.files import Source
from sharedstate_ops.importing.reading import Place

LIMITS = ("total_mass_kg_max", "total_cost_usd_max", "height_m", "voltage_v")
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
    place = source.place(wanted if values is None else path)
    fields = Fields(values or {}, place, source.reading)
    entry = _constraints(fields)
    if requirements is not None:
        entry["metadata"].setdefault("requirements", requirements)
        entry = _required_limits(source, source.place(wanted), requirements) | entry
    fields.add("global_constraints", entry)


def _constraints(fields: Fields) -> dict[str, Any]:
    budgets: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    for key, (quantity, suffix, limit) in OLDER_SHAPE.items():
        for written, amount in fields.mapping(key).items():
            subsystem = written.removesuffix(suffix)
            if subsystem == "total" and limit:
                limits[limit] = amount
            else:
                budgets.setdefault(subsystem, {})[quantity] = amount
    for subsystem, budget in fields.mapping(NEWER_SHAPE).items():
        is_object = isinstance(budget, dict)
        budgets[subsystem] = {**budgets.get(subsystem, {}), **budget} if is_object else budget
    return {
        **limits,
        **{key: fields.take(key) for key in LIMITS if key in fields.rest},
        "created_at": fields.time(*TIMES),
        "created_by": fields.take("created_by", default="system_architect"),
        NEWER_SHAPE: budgets,
        "metadata": fields.mapping("metadata") | fields.rest,
    }


def _required_limits(source: Source, place: Place, wishes: dict[str, Any]) -> dict[str, Any]:
    """The limits of the whole that the customer's requirements name."""
    limits: dict[str, Any] = {}
    for limit, (group, key) in REQUIRED_LIMITS.items():
        members = wishes.get(group)
        value: Any = members.get(key) if isinstance(members, dict) else None
        if type(value) in (int, float, Decimal) and 0 <= value < 10**12:
            limits[limit] = value
        elif value is not None:
            # Nothing is lost: it stays in the requirements.
            text = "is no usable limit; kept in the requirements"
            source.reading.note(place.at(group, key), text)
    return limits
