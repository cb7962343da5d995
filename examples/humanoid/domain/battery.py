"""The battery: energy for the wanted hours, enough current for the motors, and the wiring."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from humanoid.domain.amounts import Amounts, Part

WALKING_DUTY = 0.35  # share of the motors' continuous power that level walking at 1.5 m/s draws:
# each leg swings nearly free for 40 % of a step, and arms only balance
USABLE_SHARE = 0.85  # 90 % depth of discharge for 1000 cycles, and 5 % lost in cells and contacts
CONVERTER_EFFICIENCY = 0.92  # 48 V to 5 and 12 V for sensors and computer; motors use the bus
MANAGEMENT_W = 10.0  # battery management and idle converter
CABLE_LOSS_SHARE = 0.02  # of the walking power
MAX_DISCHARGE_PER_HOUR = 3.0  # 3 C: rated current of energy cells, for all motors at rated power


@dataclass(frozen=True, slots=True)
class Cell:
    """A lithium-ion cell type; figures of the finished pack with case and busbars."""

    name: str
    wh_per_kg: float
    usd_per_wh: float


# Packs reach about three quarters of their cells' 265 and 320 Wh/kg.
CELLS = (Cell("standard", 200.0, 0.50), Cell("high_energy", 240.0, 0.90))
LEVELS = ("standard cells", "high-energy cells, lighter and dearer")

MANAGEMENT = Amounts(mass_kg=0.3, cost_usd=120.0)
CONVERTER = Amounts(mass_kg=0.3, cost_usd=90.0)
WIRING_KG = 0.8  # copper and connectors of a robot 1.75 m tall at 48 V
WIRING_USD_KG = 150.0
REFERENCE_VOLTAGE_V = 48.0


@dataclass(frozen=True, slots=True)
class Load:
    """What the battery has to feed."""

    actuation_continuous_w: float
    actuation_peak_w: float
    electronics_w: float
    hours: float
    speed_scale: float


@dataclass(frozen=True, slots=True)
class Battery:
    """The sized power system."""

    cell: str
    capacity_wh: float
    walking_w: float
    average_w: float
    own_w: float
    hours: float
    voltage_v: float
    parts: tuple[Part, ...]

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "parts"}


def walking_power_w(load: Load) -> float:
    """Average of the motors while walking; never more than they can give continuously."""
    return load.actuation_continuous_w * min(1.0, WALKING_DUTY * load.speed_scale)


def capacity_wh(average_w: float, load: Load) -> float:
    """Energy for the wanted hours, or what the peak current asks for, whichever is more."""
    for_hours = average_w * load.hours / USABLE_SHARE
    for_current = (load.actuation_peak_w + load.electronics_w) / MAX_DISCHARGE_PER_HOUR
    return max(for_hours, for_current)


def design_battery(load: Load, voltage_v: float, length_scale: float, level: int) -> Battery:
    """Sizes pack, management, converter and wiring.

    The subsystem's own draw is what it turns into heat: management, converter and cables.
    """
    cell = CELLS[level]
    walking_w = walking_power_w(load)
    converter_loss_w = load.electronics_w * (1 / CONVERTER_EFFICIENCY - 1)
    cable_loss_w = walking_w * CABLE_LOSS_SHARE
    own_w = MANAGEMENT_W + converter_loss_w + cable_loss_w
    average_w = walking_w + load.electronics_w + own_w
    capacity = capacity_wh(average_w, load)
    wiring_kg = WIRING_KG * length_scale * REFERENCE_VOLTAGE_V / voltage_v  # current sets copper
    parts = (
        Part(
            f"battery_pack_{cell.name}",
            1,
            Amounts(capacity / cell.wh_per_kg, capacity * cell.usd_per_wh).rounded(),
        ),
        Part("battery_management", 1, Amounts(0, 0, MANAGEMENT_W) + MANAGEMENT),
        Part("dc_converter", 1, (Amounts(0, 0, converter_loss_w) + CONVERTER).rounded()),
        Part(
            "wiring_harness",
            1,
            Amounts(wiring_kg, wiring_kg * WIRING_USD_KG, cable_loss_w).rounded(),
        ),
    )
    return Battery(
        cell=cell.name,
        capacity_wh=round(capacity, 1),
        walking_w=round(walking_w, 1),
        average_w=round(average_w, 1),
        own_w=round(own_w, 1),
        hours=load.hours,
        voltage_v=voltage_v,
        parts=parts,
    )
