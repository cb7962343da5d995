"""Motors and gearboxes: which motor turns which joint, within mass, cost and power."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from humanoid.domain.amounts import TOLERANCE, Amounts, Infeasible, Part
from humanoid.domain.joints import Joint

TORQUE_MARGIN = 1.2  # required torque plus 20 %
CONTINUOUS_SHARE = 0.5  # continuous power is half the rated power
MAX_GEAR_RATIO = 10.0  # one planetary stage; a second one would add mass, length and backlash
GEARBOX = Amounts(mass_kg=0.3, cost_usd=150.0)
CONTROLLER = Amounts(mass_kg=0.15, cost_usd=80.0)

DIRECT, GEARED_LEGS, GEARED, LIGHTEST = range(4)
LEVELS = (
    "gearboxes only where no motor is strong enough",
    "gearboxes anywhere in the legs",
    "gearboxes at every joint",
    "gearboxes at every joint, lightest motors",
)


@dataclass(frozen=True, slots=True)
class Motor:
    """A motor of the catalogue."""

    name: str
    torque_nm: float
    speed_rpm: float
    power_w: float
    mass_kg: float
    cost_usd: float
    diameter_mm: float
    length_mm: float


# Smallest first: "the smallest motor that meets it" is the first one that does.
MOTORS = (
    Motor("low_torque_brushless", 20, 150, 120, 0.35, 150, 50, 50),
    Motor("medium_torque_brushless", 50, 80, 250, 0.7, 280, 70, 65),
    Motor("high_torque_brushless", 100, 50, 400, 1.2, 450, 90, 80),
)


@dataclass(frozen=True, slots=True)
class Drive:
    """A motor for a joint; ratio 1 means that it turns the joint directly, without gearbox."""

    motor: Motor
    ratio: float
    wanted_rpm: float

    @property
    def geared(self) -> bool:
        return self.ratio > 1

    @property
    def speed_rpm(self) -> float:
        return self.motor.speed_rpm / self.ratio

    @property
    def speed_share(self) -> float:
        """How much of the wanted speed it reaches at full torque, at most 1."""
        return min(1.0, self.speed_rpm / self.wanted_rpm)

    @property
    def amounts(self) -> Amounts:
        """Motor, gearbox and controller; power is the continuous one."""
        motor = Amounts(
            self.motor.mass_kg, self.motor.cost_usd, self.motor.power_w * CONTINUOUS_SHARE
        )
        return motor + CONTROLLER + (GEARBOX if self.geared else Amounts())

    def as_dict(self) -> dict[str, Any]:
        return {
            "motor": self.motor.name,
            "gear_ratio": round(self.ratio, 3) if self.geared else None,
            "speed_rpm": round(self.speed_rpm, 1),
            "wanted_rpm": self.wanted_rpm,
        }


def drives_for(torque_nm: float, speed_rpm: float) -> list[Drive]:
    """Every drive that the rule allows, strongest motor first; empty when no motor will do.

    The smallest motor that meets torque plus 20 %, and each smaller one with a gearbox.
    """
    needed_nm = torque_nm * TORQUE_MARGIN
    drives: list[Drive] = []
    for motor in MOTORS:
        ratio = needed_nm / motor.torque_nm
        if ratio <= 1 + TOLERANCE:
            drives.append(Drive(motor, 1.0, speed_rpm))
            break
        if ratio <= MAX_GEAR_RATIO:
            drives.append(Drive(motor, ratio, speed_rpm))
    return drives[::-1]


Choice = dict[str, Drive]  # joint kind -> drive


def choose_drives(joints: Sequence[Joint], level: int, limits: Amounts) -> Choice:
    """The drive of each kind of joint under the rules of the level. Raises Infeasible.

    The strongest motor is the first choice everywhere at level 0. With gearboxes allowed it is
    the combination within the limits whose slowest joint is fastest, for the slowest joint sets
    the pace of the walk; or, when none is within them, the one that exceeds them least.
    """
    kinds = {joint.kind: joint for joint in joints}
    options = []
    for kind, joint in kinds.items():
        drives = drives_for(joint.torque_nm, joint.speed_rpm)
        if not drives:
            raise Infeasible(
                f"no motor turns the {kind} with {joint.torque_nm * TORQUE_MARGIN:.0f} Nm, "
                f"even geared down {MAX_GEAR_RATIO:g} to 1"
            )
        fixed = level == DIRECT or (level == GEARED_LEGS and joint.limb != "leg")
        options.append(drives[:1] if fixed else drives)
    choices = [dict(zip(kinds, drives, strict=True)) for drives in product(*options)]
    return min(choices, key=lambda choice: _rank(choice, joints, level, limits))


def _rank(
    choice: Choice, joints: Sequence[Joint], level: int, limits: Amounts
) -> tuple[float, ...]:
    used = usage(choice, joints)
    shares = [drive.speed_share for drive in choice.values()]
    fast = (-min(shares), -sum(shares), used.power_w)
    excess = used.over(limits).share_of(limits)
    return (used.mass_kg, used.power_w, *fast) if level == LIGHTEST else (excess, *fast)


def usage(choice: Choice, joints: Sequence[Joint]) -> Amounts:
    """What the drives of all joints weigh, cost and draw."""
    return sum((choice[joint.kind].amounts for joint in joints), Amounts())


def actuation_parts(choice: Choice, joints: Sequence[Joint]) -> list[Part]:
    """Motors, gearboxes and controllers to buy."""
    drives = [choice[joint.kind] for joint in joints]
    parts = []
    for motor in MOTORS:
        count = sum(drive.motor == motor for drive in drives)
        if count:
            each = Amounts(motor.mass_kg, motor.cost_usd, motor.power_w * CONTINUOUS_SHARE)
            parts.append(Part(motor.name, count, each))
    geared = sum(drive.geared for drive in drives)
    if geared:
        parts.append(Part("planetary_gearbox", geared, GEARBOX))
    return [*parts, Part("motor_controller", len(drives), CONTROLLER)]
