"""The shell: plastic covers around bones and motors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from humanoid.domain.amounts import Amounts, Part

DENSITY_KG_M3 = 1050.0  # ABS
MATERIAL_USD_KG = 30.0  # as printed, with support waste
FINISHING_USD = 40.0  # a panel: sanding, inserts, paint
WALLS_M = (0.0025, 0.0020, 0.0015)
LEVELS = ("2.5 mm covers", "2 mm covers", "1.5 mm covers")
CLEARANCE_M = 0.020  # air around a motor, on each side: cooling and play
WRIST_M = 0.060  # forearms house the wrist cables, whatever the bone
FIXINGS_SHARE = 0.05  # clips and inserts, by mass


@dataclass(frozen=True, slots=True)
class Limb:
    """A cover around a bone, wide enough for the motors of these joints."""

    name: str
    bone: str
    joints: tuple[str, ...]


LIMBS = (
    Limb("thigh_cover", "femur", ("hip_flexion", "knee")),
    Limb("shank_cover", "tibia", ("ankle",)),
    Limb("upper_arm_cover", "upper_arm", ("shoulder", "elbow")),
    Limb("forearm_cover", "forearm", ()),
)
# Flat and round covers of the reference robot, m2 a piece; they grow with the height squared.
BODY_AREAS_M2 = {"torso_front": 0.35, "torso_back": 0.35, "head_cover": 0.126, "foot_cover": 0.05}
PAIRED = {"foot_cover"}


def limb_area_m2(bone_m: float, bone_outer_m: float, motors_m: list[float]) -> float:
    """An open cylinder along the bone, around its thickest content plus clearance."""
    inside_m = max([bone_outer_m, WRIST_M, *motors_m])
    return math.pi * (inside_m + 2 * CLEARANCE_M) * bone_m


def shell_parts(
    bones: Mapping[str, Mapping[str, float]],
    motor_diameters_m: Mapping[str, float],
    length_scale: float,
    level: int,
) -> list[Part]:
    """Covers for all bones given by skeleton, around the motors given by actuation."""
    parts = []
    for limb in LIMBS:
        bone = bones[limb.bone]
        motors = [motor_diameters_m[joint] for joint in limb.joints]
        area = limb_area_m2(bone["length_m"], bone["outer_diameter_m"], motors)
        parts.append(_panel(limb.name, 2, area, level))
    for name, area in BODY_AREAS_M2.items():
        parts.append(_panel(name, 2 if name in PAIRED else 1, area * length_scale**2, level))
    return parts


def _panel(name: str, quantity: int, area_m2: float, level: int) -> Part:
    mass_kg = area_m2 * WALLS_M[level] * DENSITY_KG_M3 * (1 + FIXINGS_SHARE)
    cost_usd = FINISHING_USD + MATERIAL_USD_KG * mass_kg
    return Part(name, quantity, Amounts(round(mass_kg, 4), round(cost_usd, 2)))
