"""Skeleton: sizes bones and joint housings, publishes joints and motor mounting points."""

from __future__ import annotations

from humanoid.desk import run_designer
from humanoid.domain.bones import LEVELS, Skeleton, design_skeleton
from humanoid.domain.joints import Joint, joint_of
from humanoid.flow import Json
from humanoid.proposals import Brief, Designer, Proposal

MOUNT = {"hole_count": 4, "hole_diameter_mm": 5, "bolt_circle_diameter_mm": 50}
AXIS = [1, 0, 0]  # all hinges turn about the robot's left-right axis


def design(brief: Brief) -> Proposal:
    """Bones that bear the loads, bearings that bear the torques."""
    joints = [joint_of(joint) for joint in brief.wanted["joints"]]
    skeleton = design_skeleton(
        joints,
        loads_n=brief.wanted["structural_loads_n"],
        safety=brief.wanted["safety_factor"],
        scale=brief.wanted["length_scale"],
        level=brief.level,
    )
    return Proposal(
        parts=skeleton.parts,
        interfaces=interfaces(joints, skeleton),
        design=skeleton.as_dict(),
        summary={"bones_designed": len(skeleton.bones), "joints_designed": len(joints)},
    )


def interfaces(joints: list[Joint], skeleton: Skeleton) -> Json:
    """What motors, sensors and covers have to fit to."""
    return {
        "joints": {
            joint.name: {
                **joint.as_dict(),
                "axis": AXIS if joint.type == "revolute" else None,
                "bearing_bore_mm": skeleton.bearings[joint.name].bore_mm,
                "bearing_od_mm": skeleton.bearings[joint.name].outer_mm,
            }
            for joint in joints
        },
        "mounting_points": [
            {
                "name": f"{joint.name}_motor_mount",
                "joint": joint.name,
                "position": list(joint.position),
                "normal": AXIS,
                **MOUNT,
            }
            for joint in joints
        ],
        "bones": {
            bone.name: {
                "length_m": bone.length_m,
                "outer_diameter_m": bone.outer_diameter_m,
            }
            for bone in skeleton.bones
        },
    }


if __name__ == "__main__":
    run_designer(Designer("skeleton", LEVELS, design))
