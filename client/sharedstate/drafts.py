"""Drafts: documents that the `edit_...` methods let you change in place. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


class Draft(dict[str, Any]):
    """A document as it was read, to be changed in place.

    Attributes:
        base_version: the version that it was read from, 0 when there was none.
        row: what was published at the end; None until then, or when nothing was changed.
    """

    def __init__(self, row: Mapping[str, Any] | None, content: Mapping[str, Any]) -> None:
        super().__init__(copy.deepcopy(dict(content)))
        self.base_version: int = 0 if row is None else row["version"]
        self.row: Any = None
        self._original = copy.deepcopy(dict(content))

    @classmethod
    def of_document(cls, row: Mapping[str, Any] | None, column: str) -> Draft:
        """A draft of requirements, interfaces or a design."""
        return cls(row, {} if row is None else row[column])

    @classmethod
    def of_constraints(cls, row: Mapping[str, Any] | None) -> Draft:
        """A draft of the limits: the columns that can be written, and `metadata`."""
        return cls(row, {} if row is None else {key: row[key] for key in _CONSTRAINTS})

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to publish."""
        return not _is_same(dict(self), self._original)

    @property
    def patch(self) -> dict[str, Any]:
        """What was changed, as update_global_constraints takes it; null for what was taken out."""
        patch = _patch(self._original, self)
        if isinstance(patch.get("metadata"), dict):
            patch["metadata"] = _patch(self._original.get("metadata") or {}, patch["metadata"])
        return patch


_CONSTRAINTS = (
    "total_mass_kg_max",
    "total_cost_usd_max",
    "height_m",
    "voltage_v",
    "budget_allocations",
    "metadata",
)


def _patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    changed = {key: value for key, value in new.items() if not _holds(old, key, value)}
    return changed | dict.fromkeys(old.keys() - new.keys())


def _holds(document: Mapping[str, Any], key: str, value: Any) -> bool:
    return key in document and _is_same(document[key], value)


def _is_same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: to Python True is 1, so that switching it on would be no change."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
