"""Putting it together: fasteners, the bill of materials and its totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from humanoid.domain.amounts import Amounts, Part, total

FASTENER_SHARE = 0.02  # bolts, inserts, thread lock: by mass of what they hold together
FASTENER_USD_KG = 40.0
ASSEMBLY_CONSUMABLES_USD = 100.0  # grease, cable ties, labels


def assembly_allowance(mass_kg_max: float) -> Amounts:
    """The most that the assembly parts of a robot within this limit amount to."""
    mass_kg = mass_kg_max * FASTENER_SHARE / (1 + FASTENER_SHARE)
    return Amounts(mass_kg, mass_kg * FASTENER_USD_KG + ASSEMBLY_CONSUMABLES_USD).rounded()


def assembly_parts(parts: Sequence[Part]) -> list[Part]:
    """What joins the parts of all subsystems."""
    mass_kg = total(parts).mass_kg * FASTENER_SHARE
    return [
        Part("fasteners", 1, Amounts(mass_kg, mass_kg * FASTENER_USD_KG).rounded()),
        Part("assembly_consumables", 1, Amounts(0, ASSEMBLY_CONSUMABLES_USD)),
    ]


def bill_of_materials(parts: Mapping[str, Sequence[Part]]) -> list[dict[str, Any]]:
    """One line a part, with the figures of one piece and of all: `mass_kg`, `total_mass_kg`."""
    lines = []
    for subsystem, owned in parts.items():
        for part in owned:
            totals = (part.each * part.quantity).rounded().as_dict()
            lines.append(
                {
                    "subsystem": subsystem,
                    **part.as_dict(),
                    **{f"total_{resource}": value for resource, value in totals.items()},
                }
            )
    return lines
