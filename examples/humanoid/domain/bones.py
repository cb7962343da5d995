"""Bones and joint housings: aluminium tubes that bear the load, bearings that fit the torque."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from humanoid.domain.amounts import Amounts, Infeasible, Part
from humanoid.domain.joints import Joint

DENSITY_KG_M3 = 2700.0  # aluminium 6061
YIELD_PA = 276e6  # 6061-T6
MATERIAL_USD_KG = 15.0
MACHINING_USD = 50.0  # a bone or a plate
HOUSING = Amounts(mass_kg=0.15, cost_usd=25.0)

LEG_DIAMETERS_M = (0.030, 0.035, 0.040)
ARM_DIAMETERS_M = (0.020, 0.025, 0.030)
WALLS_M = ((0.0030,), (0.0030, 0.0025))  # by level: thin walls only when mass must come down
LEVELS = ("3 mm walls", "2.5 mm walls where they bear the load")


@dataclass(frozen=True, slots=True)
class BoneKind:
    """A tube of the reference robot; trunk bones count as legs when they carry the legs' load."""

    name: str
    limb: str
    length_m: float
    quantity: int


BONE_KINDS = (
    BoneKind("femur", "leg", 0.45, 2),
    BoneKind("tibia", "leg", 0.43, 2),
    BoneKind("pelvis", "leg", 0.35, 1),
    BoneKind("spine", "leg", 0.52, 1),
    BoneKind("shoulder_girdle", "arm", 0.44, 1),
    BoneKind("upper_arm", "arm", 0.30, 2),
    BoneKind("forearm", "arm", 0.25, 2),
)


@dataclass(frozen=True, slots=True)
class Plate:
    """A machined plate; sizes of the reference robot, thickness does not scale."""

    name: str
    size_m: tuple[float, float]
    thickness_m: float
    quantity: int


PLATES = (
    Plate("foot_plate", (0.25, 0.10), 0.006, 2),
    Plate("torso_plate", (0.35, 0.25), 0.005, 1),  # carries battery, computer and shell
)


@dataclass(frozen=True, slots=True)
class Bearing:
    """A deep-groove bearing; two to a joint."""

    name: str
    bore_mm: int
    outer_mm: int
    torque_nm_max: float
    each: Amounts


BEARINGS = (
    Bearing("6004", 20, 42, 30.0, Amounts(mass_kg=0.069, cost_usd=8.0)),
    Bearing("6006", 30, 55, 100.0, Amounts(mass_kg=0.116, cost_usd=12.0)),
    Bearing("6008", 40, 68, math.inf, Amounts(mass_kg=0.190, cost_usd=18.0)),
)


@dataclass(frozen=True, slots=True)
class Bone:
    """One kind of bone, sized; mass and cost of one piece."""

    name: str
    quantity: int
    length_m: float
    outer_diameter_m: float
    wall_thickness_m: float
    mass_kg: float
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Skeleton:
    """All bones, the bearing of each joint, and every part to buy or make."""

    bones: tuple[Bone, ...]
    bearings: dict[str, Bearing]
    parts: tuple[Part, ...]

    def as_dict(self) -> dict[str, Any]:
        joints = {
            name: {
                "bearing": bearing.name,
                "bearing_bore_mm": bearing.bore_mm,
                "bearing_od_mm": bearing.outer_mm,
                "housing_mass_kg": HOUSING.mass_kg,
                "housing_cost_usd": HOUSING.cost_usd,
            }
            for name, bearing in self.bearings.items()
        }
        return {"bones": {bone.name: asdict(bone) for bone in self.bones}, "joints": joints}


def tube_mass_kg(length_m: float, outer_m: float, wall_m: float) -> float:
    """pi x length x (OD^2 - ID^2) / 4 x density. `tube_mass_kg(0.45, 0.035, 0.003)` is 0.366."""
    inner_m = outer_m - 2 * wall_m
    return math.pi * length_m * (outer_m**2 - inner_m**2) / 4 * DENSITY_KG_M3


def bending_stress_pa(force_n: float, length_m: float, outer_m: float, wall_m: float) -> float:
    """Stress at the clamped end of a tube with the whole force across its free end.

    That is the worst that a limb sees (a stumble), so it sizes the bone.
    """
    inner_m = outer_m - 2 * wall_m
    inertia_m4 = math.pi * (outer_m**4 - inner_m**4) / 64
    return force_n * length_m * (outer_m / 2) / inertia_m4


def size_bone(kind: BoneKind, scale: float, force_n: float, walls_m: Sequence[float]) -> Bone:
    """The lightest tube of the limb's range that stays below yield. Raises Infeasible."""
    length_m = kind.length_m * scale
    diameters = LEG_DIAMETERS_M if kind.limb == "leg" else ARM_DIAMETERS_M
    strong = [
        (tube_mass_kg(length_m, outer_m, wall_m), outer_m, wall_m)
        for outer_m, wall_m in product(diameters, walls_m)
        if bending_stress_pa(force_n, length_m, outer_m, wall_m) <= YIELD_PA
    ]
    if not strong:
        raise Infeasible(
            f"a {kind.name} of {length_m:.2f} m under {force_n:.0f} N bends beyond yield "
            f"even at {diameters[-1] * 1000:.0f} mm with a {max(walls_m) * 1000:g} mm wall"
        )
    mass_kg, outer_m, wall_m = min(strong)
    cost_usd = MACHINING_USD + MATERIAL_USD_KG * mass_kg
    sizes = (round(length_m, 4), outer_m, wall_m, round(mass_kg, 4), round(cost_usd, 2))
    return Bone(kind.name, kind.quantity, *sizes)


def bearing_for(torque_nm: float) -> Bearing:
    """The smallest bearing for a joint's torque."""
    return next(bearing for bearing in BEARINGS if torque_nm <= bearing.torque_nm_max)


def design_skeleton(
    joints: Sequence[Joint], loads_n: dict[str, float], safety: float, scale: float, level: int
) -> Skeleton:
    """Sizes bones, plates and joints. `loads_n` is {"leg": N, "arm": N}. Raises Infeasible."""
    walls_m = WALLS_M[level]
    bones = tuple(size_bone(k, scale, loads_n[k.limb] * safety, walls_m) for k in BONE_KINDS)
    bearings = {joint.name: bearing_for(joint.torque_nm) for joint in joints}
    parts = [Part(b.name, b.quantity, Amounts(b.mass_kg, b.cost_usd)) for b in bones]
    parts += [_plate_part(plate, scale) for plate in PLATES]
    parts.append(Part("joint_housing", len(joints), HOUSING))
    for bearing in BEARINGS:
        count = 2 * sum(chosen == bearing for chosen in bearings.values())
        if count:
            parts.append(Part(f"bearing_{bearing.name}", count, bearing.each))
    return Skeleton(bones, bearings, tuple(parts))


def _plate_part(plate: Plate, scale: float) -> Part:
    width_m, depth_m = plate.size_m
    mass_kg = width_m * depth_m * scale**2 * plate.thickness_m * DENSITY_KG_M3
    cost_usd = MACHINING_USD + MATERIAL_USD_KG * mass_kg
    return Part(plate.name, plate.quantity, Amounts(round(mass_kg, 4), round(cost_usd, 2)))
