"""Mass, cost and power, the three things that budgets are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

TOLERANCE = 1e-6  # kg, USD or W: below any figure that means something, above rounding noise
DECIMALS = {"mass_kg": 3, "cost_usd": 2, "power_w": 1}


@dataclass(frozen=True, slots=True)
class Amounts:
    """One amount of each resource. `Amounts(mass_kg=1.5) + Amounts(power_w=20)`"""

    mass_kg: float = 0.0
    cost_usd: float = 0.0
    power_w: float = 0.0

    def __add__(self, other: Amounts) -> Amounts:
        return self._zip(other, lambda mine, theirs: mine + theirs)

    def __sub__(self, other: Amounts) -> Amounts:
        return self._zip(other, lambda mine, theirs: mine - theirs)

    def __mul__(self, factor: float) -> Amounts:
        return Amounts(self.mass_kg * factor, self.cost_usd * factor, self.power_w * factor)

    def _zip(self, other: Amounts, combine: Callable[[float, float], float]) -> Amounts:
        return Amounts(*(combine(self[r], other[r]) for r in RESOURCES))

    def __getitem__(self, resource: str) -> float:
        """`amounts["mass_kg"]`"""
        return float(getattr(self, resource))

    def positive(self) -> Amounts:
        """Only what is above zero: the part of a difference that is missing, or left."""
        return Amounts(*(v if v > TOLERANCE else 0.0 for v in self.as_dict().values()))

    def least(self, other: Amounts) -> Amounts:
        """The smaller of the two, resource by resource."""
        return self._zip(other, min)

    def over(self, limit: Amounts) -> Amounts:
        """What exceeds the limit, zero where nothing does."""
        return (self - limit).positive()

    def share_of(self, limit: Amounts) -> float:
        """How large it is beside a limit, over all resources: 10 % of each gives 0.3."""
        return sum(self[r] / (limit[r] or 1.0) for r in RESOURCES)

    def fits(self, limit: Amounts) -> bool:
        return not self.over(limit)

    def __bool__(self) -> bool:
        return any(self.as_dict().values())

    def as_dict(self) -> dict[str, float]:
        return {resource: self[resource] for resource in RESOURCES}

    def rounded(self) -> Amounts:
        """As published: grams, cents, tenths of a watt. Equal designs give equal JSON."""
        return Amounts(**{r: round(v, DECIMALS[r]) for r, v in self.as_dict().items()})

    def __str__(self) -> str:
        """Only what is not zero: `12.1 kg, 4920 USD, 1700 W`."""
        units = {"mass_kg": "kg", "cost_usd": "USD", "power_w": "W"}
        shown = [f"{v:,.6g} {units[r]}" for r, v in self.rounded().as_dict().items() if v]
        return ", ".join(shown) or "nothing"


RESOURCES = tuple(field.name for field in fields(Amounts))


def amounts_of(document: Mapping[str, Any]) -> Amounts:
    """Reads {"mass_kg": 15, "cost_usd": 3000}; an absent or null resource counts as zero."""
    return Amounts(**{r: float(document.get(r) or 0.0) for r in RESOURCES})


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the bill of materials; `each` is for one piece."""

    name: str
    quantity: int
    each: Amounts

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "quantity": self.quantity, **self.each.as_dict()}


def total(parts: Iterable[Part]) -> Amounts:
    """What all parts weigh, cost and draw together."""
    return sum((part.each * part.quantity for part in parts), Amounts())


def part_of(document: Mapping[str, Any]) -> Part:
    """The inverse of `Part.as_dict`."""
    return Part(str(document["name"]), int(document["quantity"]), amounts_of(document))


class Infeasible(Exception):
    """No design exists under these rules; the message says which figure is out of reach."""
