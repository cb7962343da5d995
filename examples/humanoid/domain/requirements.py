"""What the customer wants: reading the requirements and refusing what makes no sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from reprlib import repr as short
from typing import Any

REFERENCE_HEIGHT_M = 1.75
REFERENCE_MASS_KG = 45.0
REFERENCE_PAYLOAD_KG = 5.0
REFERENCE_SPEED_MS = 1.5
ARM_MASS_KG = 4.0  # one arm with its motors, bone and hand; it lifts itself before any payload
MATERIALS = ("aluminum_6061",)


class RequirementsError(ValueError):
    """The requirements cannot be used; the message names the place and the reason."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """The customer's wishes, with the factors by which they scale the reference robot."""

    height_m: float
    mass_kg_max: float
    degrees_of_freedom: int
    walking_speed_ms: float
    payload_capacity_kg: float
    battery_life_hours: float
    cost_usd_max: float
    material_primary: str
    voltage_v: float

    @property
    def length_scale(self) -> float:
        """Bones grow with the height."""
        return self.height_m / REFERENCE_HEIGHT_M

    @property
    def load_scale(self) -> float:
        """Legs carry robot and payload."""
        reference = REFERENCE_MASS_KG + REFERENCE_PAYLOAD_KG
        return (self.mass_kg_max + self.payload_capacity_kg) / reference

    @property
    def arm_load_scale(self) -> float:
        """An arm lifts half the payload at full reach and itself at half reach."""
        own = ARM_MASS_KG / 2
        return (self.payload_capacity_kg / 2 + own) / (REFERENCE_PAYLOAD_KG / 2 + own)

    @property
    def speed_scale(self) -> float:
        return self.walking_speed_ms / REFERENCE_SPEED_MS


# Section -> key -> (least, most). Wide: they catch wrong units (mm for m, Wh for h), not ambition.
RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "physical": {
        "height_m": (0.5, 3.0),
        "mass_kg_max": (1.0, 500.0),
        "degrees_of_freedom": (10, 100),  # the ten main joints alone are ten
    },
    "performance": {
        "walking_speed_ms": (0.1, 5.0),
        "payload_capacity_kg": (0.0, 200.0),
        "battery_life_hours": (0.1, 48.0),
    },
    "constraints": {"cost_usd_max": (1.0, 10_000_000.0), "voltage_v": (24.0, 60.0)},
}
WORDS = {"constraints": {"material_primary": MATERIALS}}


def parse_requirements(document: object) -> Requirements:
    """Checks a parsed JSON document. Raises RequirementsError: `physical.height_m: ...`."""
    top = _object(document, "the document")
    _refuse_unknown(top, set(RANGES), "")
    values: dict[str, Any] = {}
    for section, numbers in RANGES.items():
        words = WORDS.get(section, {})
        content = _object(top.get(section), section)
        _refuse_unknown(content, {*numbers, *words}, f"{section}.")
        for key, bounds in numbers.items():
            values[key] = _number(content.get(key), f"{section}.{key}", bounds)
        for key, known in words.items():
            if content.get(key) not in known:
                found = f"found {short(content.get(key))}"
                raise RequirementsError(f"{section}.{key}: one of {', '.join(known)}, {found}")
            values[key] = content[key]
    if values["degrees_of_freedom"] != int(values["degrees_of_freedom"]):
        raise RequirementsError("physical.degrees_of_freedom: a whole number is needed")
    values["degrees_of_freedom"] = int(values["degrees_of_freedom"])
    return Requirements(**values)


def _object(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        found = "it is missing" if value is None else f"found {type(value).__name__}"
        raise RequirementsError(f"{place}: a JSON object is needed, {found}")
    return value


def _refuse_unknown(content: Mapping[str, Any], known: set[str], prefix: str) -> None:
    for key in content:
        if key not in known:
            raise RequirementsError(f"{prefix}{key}: unknown, known are {', '.join(sorted(known))}")


def _number(value: object, place: str, bounds: tuple[float, float]) -> float:
    if value is None:
        raise RequirementsError(f"{place}: it is missing")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RequirementsError(f"{place}: a number is needed, found {short(value)}")
    least, most = bounds
    if not least <= value <= most:  # so is no NaN, either
        raise RequirementsError(f"{place}: {short(value)} is outside {least:g} to {most:g}")
    return value
