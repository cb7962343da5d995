"""constraints/global.json (both shapes) and config/global_requirements.json."""

from __future__ import annotations

from typing import Any

from sharedstate_ops.importing.legacy.fields import Fields, kind, name_fault, present
from sharedstate_ops.importing.legacy.files import Source
from sharedstate_ops.importing.reading import Reading
from sharedstate_ops.importing.strict_json import Fault, Node

LIMITS = ("total_mass_kg_max", "total_cost_usd_max", "height_m", "voltage_v")
QUANTITIES = ("mass_kg", "cost_usd", "power_w")

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

Budgets = dict[str, dict[str, Any]]


def read_constraints(source: Source) -> None:
    """Adds at most one version of the global constraints to the reading."""
    wanted = source.layout.config / "global_requirements.json"
    path = source.layout.state / "constraints" / "global.json"
    for other in source.children(path.parent) + source.children(source.layout.config):
        if other not in (path, wanted):
            source.reading.note(source.label(other), "is not part of the layout, not imported")
    requirements, required_limits = _requirements(source)
    parsed = source.json_object(path)
    entry: dict[str, Any] = {"budget_allocations": {}, "metadata": {}}
    if parsed is not None:
        entry = _Constraints(source, parsed.root, source.label(path)).entry()
    elif requirements is None or source.exists(path):
        # Someone may still repair a broken global.json and import again: an entry made of the
        # requirements alone would then stand in its way.
        return
    if requirements is not None:
        entry["metadata"].setdefault("requirements", requirements)
        entry = required_limits | entry
    entry.setdefault("created_by", "system_architect")
    label = source.label(path if parsed else wanted)
    source.reading.add("global_constraints", entry, label, parsed.root.line if parsed else 1)


class _Constraints:
    def __init__(self, source: Source, root: Node, label: str) -> None:
        self.root = root
        nested = (NEWER_SHAPE, *OLDER_SHAPE)
        self.fields = Fields.of(source.reading, label, root, nested=nested)
        self.budgets: Budgets = {}
        self.totals: dict[str, Any] = {}

    def entry(self) -> dict[str, Any]:
        fields = self.fields
        for key, (quantity, suffix, limit) in OLDER_SHAPE.items():
            self.older_budgets(key, quantity, suffix, limit)
        self.newer_budgets()
        limits = {key: fields.number(key) for key in LIMITS}
        written = present(
            **limits,
            created_by=fields.name("created_by"),
            created_at=fields.time("timestamp", "updated_at", "last_updated", "created_at"),
        )
        metadata = fields.mapping("metadata") or {}
        return {
            **self.totals,
            **written,
            "budget_allocations": self.budgets,
            "metadata": metadata | fields.rest(),
        }

    def older_budgets(self, key: str, quantity: str, suffix: str, limit: str | None) -> None:
        members = self.members(self.fields, self.root, key)
        for written in list(members.values) if members else []:
            assert members is not None
            name = written.removesuffix(suffix)
            if reason := name_fault(name):
                members.refuse(written, reason)
            elif (amount := members.number(written)) is None:
                continue
            elif name == "total" and limit:
                self.totals[limit] = amount
            else:
                self.budgets.setdefault(name, {})[quantity] = amount

    def newer_budgets(self) -> None:
        node = self.root.value.get(NEWER_SHAPE)
        names = node.value if node is not None and isinstance(node.value, dict) else {}
        members = self.members(self.fields, self.root, NEWER_SHAPE, tuple(names))
        if members is None:
            return
        for name in names:
            if reason := name_fault(name):
                members.refuse(name, reason)
                continue
            assert node is not None
            budget = self.members(members, node, name)
            if budget is None:
                continue
            amounts = present(**{key: budget.number(key) for key in QUANTITIES})
            self.budgets.setdefault(name, {}).update(amounts | budget.rest())

    def members(
        self, outer: Fields, node: Node, key: str, nested: tuple[str, ...] = ()
    ) -> Fields | None:
        """The members of the object under `key`, each with its own line."""
        inner = node.value.get(key)
        if inner is None or inner.value is None:
            return None
        if not isinstance(inner.value, dict):
            outer.refuse(key, f"must be an object of budgets, found {_shown(inner)}")
            return None
        return Fields.of(outer.reading, outer.file, inner, f"{outer.prefix}{key}.", nested)


def _shown(node: Node) -> str:
    """What stands there, in words."""
    return node.value.reason if isinstance(node.value, Fault) else kind(node.value)


def _requirements(source: Source) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The customer's requirements as they are, and the limits of the whole that they name."""
    path = source.layout.config / "global_requirements.json"
    parsed = source.json_object(path)
    if parsed is None:
        return None, {}
    label = source.label(path)
    kept = dict(Fields.of(source.reading, label, parsed.root).rest())
    limits: dict[str, Any] = {}
    for limit, (group, key) in REQUIRED_LIMITS.items():
        members = kept.get(group)
        value = members.get(key) if isinstance(members, dict) else None
        # A trial reading: what is no limit stays in the requirements, so nothing is lost.
        trial = Fields(Reading(), label, {key: value}, {}, parsed.root.line)
        amount = trial.number(key)
        if amount is not None:
            limits[limit] = amount
        elif value is not None:
            text = f"{group}.{key} is no usable limit ({kind(value)}); kept in the requirements"
            source.reading.note(label, text)
    return kept, limits
