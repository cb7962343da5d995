"""What the architect asks of each subsystem, derived from the customer's wishes."""

from __future__ import annotations

from typing import Any

from humanoid.domain.budgets import first_budgets, whole
from humanoid.domain.joints import joints_for
from humanoid.domain.requirements import Requirements

LEG_LOAD_N, ARM_LOAD_N = 500.0, 100.0  # structural loads of the reference robot
SAFETY_FACTOR = 2.0


def first_briefs(wanted: Requirements) -> dict[str, dict[str, Any]]:
    """The content of each subsystem's first requirements."""
    joints = [joint.as_dict() for joint in joints_for(wanted)]
    scale = {"length_scale": round(wanted.length_scale, 6)}
    loads = {
        "leg": round(LEG_LOAD_N * wanted.load_scale, 1),
        "arm": round(ARM_LOAD_N * wanted.arm_load_scale, 1),
    }
    return {
        "skeleton": {
            "joints": joints,
            "structural_loads_n": loads,
            "safety_factor": SAFETY_FACTOR,
            "material": wanted.material_primary,
            **scale,
        },
        "actuation": {"voltage_v": wanted.voltage_v},
        "sensing": {"walking_speed_ms": wanted.walking_speed_ms},
        "power": {
            "battery_life_hours": wanted.battery_life_hours,
            "speed_scale": round(wanted.speed_scale, 6),
            "voltage_v": wanted.voltage_v,
            **scale,
        },
        "shell": {**scale},
        "integration": {
            "degrees_of_freedom": wanted.degrees_of_freedom,
            "limits": whole(first_budgets(wanted)).as_dict(),
        },
    }
