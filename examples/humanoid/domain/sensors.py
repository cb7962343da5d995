"""Sensors and the computer that reads them, and where they sit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from humanoid.domain.amounts import Amounts, Part

LEVELS = ("full suite", "without lidar", "lean: foot switches and a small computer")
FULL, WITHOUT_LIDAR, LEAN = range(3)

# Catalogue figures of common parts of each class; power is the average while walking.
DEPTH_CAMERA = Part("depth_camera", 1, Amounts(0.10, 350, 3.5))
LIDAR = Part("lidar", 1, Amounts(0.27, 600, 6.5))
IMU = Part("inertial_unit", 1, Amounts(0.05, 150, 1.5))
ENCODER = Amounts(0.03, 35, 0.5)
FORCE_SENSOR = Part("foot_force_torque_sensor", 2, Amounts(0.20, 180, 1.0))
FOOT_SWITCH = Part("foot_contact_switches", 2, Amounts(0.02, 15, 0.1))
COMPUTER = Part("perception_computer", 1, Amounts(0.40, 500, 20.0))
SMALL_COMPUTER = Part("small_computer", 1, Amounts(0.15, 180, 9.0))
CABLES = Part("sensor_cables", 1, Amounts(0.30, 60, 0.0))


def sensing_parts(joint_count: int, level: int) -> list[Part]:
    """What to buy at this level; every joint has its encoder, for without it none can be held."""
    parts = [DEPTH_CAMERA, IMU, Part("joint_encoder", joint_count, ENCODER), CABLES]
    if level == FULL:
        parts.append(LIDAR)
    feet_and_computer = (FOOT_SWITCH, SMALL_COMPUTER) if level == LEAN else (FORCE_SENSOR, COMPUTER)
    return [*parts, *feet_and_computer]


def placements(joints: Iterable[str], parts: Iterable[Part]) -> dict[str, Any]:
    """Which part sits where: encoders on the skeleton's joints, the rest in head, torso, feet."""
    places = {
        "depth_camera": "head",
        "lidar": "head",
        "inertial_unit": "torso",
        "perception_computer": "torso",
        "small_computer": "torso",
        "foot_force_torque_sensor": "feet",
        "foot_contact_switches": "feet",
    }
    placed: dict[str, Any] = {p.name: places[p.name] for p in parts if p.name in places}
    return {**placed, "joint_encoder": sorted(joints)}
