"""Actuation: a motor (and gearbox) for each mounting point, its envelope and its power draw."""

from __future__ import annotations

from humanoid.desk import run_designer
from humanoid.domain.joints import joint_of
from humanoid.domain.motors import (
    CONTINUOUS_SHARE,
    LEVELS,
    actuation_parts,
    choose_drives,
    usage,
)
from humanoid.proposals import Brief, Designer, Proposal

JOINT_KEYS = ("name", "kind", "limb", "type", "torque_nm", "speed_rpm", "position")


def design(brief: Brief) -> Proposal:
    """The fastest drives within the limits that the level's rules allow."""
    skeleton = brief.inputs["skeleton"]
    mounted = [point["joint"] for point in skeleton["mounting_points"]]
    joints = [joint_of({k: skeleton["joints"][name][k] for k in JOINT_KEYS}) for name in mounted]
    choice = choose_drives(joints, brief.level, brief.limits)
    continuous_w = usage(choice, joints).power_w
    envelopes = {
        joint.name: {
            "kind": joint.kind,
            "diameter_mm": choice[joint.kind].motor.diameter_mm,
            "length_mm": choice[joint.kind].motor.length_mm,
        }
        for joint in joints
    }
    slowest = min(choice, key=lambda kind: choice[kind].speed_share)
    return Proposal(
        parts=actuation_parts(choice, joints),
        interfaces={
            "envelopes": envelopes,
            "power": {
                "continuous_w": continuous_w,
                "peak_w": continuous_w / CONTINUOUS_SHARE,
                "voltage_v": brief.wanted["voltage_v"],
            },
            # No motor of the catalogue has the wanted speed at full torque: say how far it is.
            "slowest_joint": {
                "kind": slowest,
                "speed_share": round(choice[slowest].speed_share, 3),
            },
        },
        design={"joints": {joint.name: choice[joint.kind].as_dict() for joint in joints}},
        summary={"motors_selected": len(joints)},
    )


if __name__ == "__main__":
    run_designer(Designer("actuation", LEVELS, design))
