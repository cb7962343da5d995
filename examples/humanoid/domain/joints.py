"""The ten main joints: where they are, what they must turn and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from humanoid.domain.requirements import Requirements


@dataclass(frozen=True, slots=True)
class JointKind:
    """A joint that exists right and left. Position of the left one, of a robot 1.75 m tall."""

    name: str
    limb: str
    torque_nm: float
    speed_rpm: float
    type: str
    position_m: tuple[float, float, float]


JOINT_KINDS = (
    JointKind("hip_flexion", "leg", 80, 60, "revolute", (0, 0.175, 0)),
    JointKind("knee", "leg", 100, 60, "revolute", (0, 0.175, -0.45)),
    JointKind("ankle", "leg", 50, 90, "revolute", (0, 0.175, -0.88)),
    JointKind("shoulder", "arm", 30, 120, "ball", (0, 0.22, 0.52)),
    JointKind("elbow", "arm", 20, 120, "revolute", (0, 0.22, 0.22)),
)


@dataclass(frozen=True, slots=True)
class Joint:
    """One joint of this robot, e.g. `knee_r`."""

    name: str
    kind: str
    limb: str
    type: str
    torque_nm: float
    speed_rpm: float
    position: tuple[float, float, float]

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "limb": self.limb,
            "type": self.type,
            "torque_nm": self.torque_nm,
            "speed_rpm": self.speed_rpm,
            "position": list(self.position),
        }


def joint_of(document: dict[str, Any]) -> Joint:
    """The inverse of `Joint.as_dict`."""
    x, y, z = document["position"]
    return Joint(**{**document, "position": (float(x), float(y), float(z))})


def joints_for(wanted: Requirements) -> list[Joint]:
    """Scales the reference joints: lever arms by height, loads by mass and payload.

    Legs turn as fast as the walk asks for, and at the same walk slower the longer they are; arms
    as the reference robot's.
    """
    step_rate = wanted.speed_scale / wanted.length_scale
    joints = []
    for kind in JOINT_KINDS:
        load, pace = (
            (wanted.load_scale, step_rate) if kind.limb == "leg" else (wanted.arm_load_scale, 1.0)
        )
        torque = round(kind.torque_nm * load * wanted.length_scale, 1)
        for side, sign in (("r", -1), ("l", 1)):
            x, y, z = (round(c * wanted.length_scale, 4) for c in kind.position_m)
            joints.append(
                Joint(
                    name=f"{kind.name}_{side}",
                    kind=kind.name,
                    limb=kind.limb,
                    type=kind.type,
                    torque_nm=torque,
                    speed_rpm=round(kind.speed_rpm * pace, 1),
                    position=(x, sign * y, z),
                )
            )
    return joints
