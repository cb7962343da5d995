"""Sensing: sensors and computer, an encoder on every joint of the skeleton."""

from __future__ import annotations

from humanoid.desk import run_designer
from humanoid.domain.amounts import total
from humanoid.domain.sensors import LEVELS, placements, sensing_parts
from humanoid.proposals import Brief, Designer, Proposal


def design(brief: Brief) -> Proposal:
    """The suite of this level, placed."""
    joints = brief.inputs["skeleton"]["joints"]
    parts = sensing_parts(len(joints), brief.level)
    return Proposal(
        parts=parts,
        interfaces={"power": {"average_w": round(total(parts).power_w, 1)}},
        design={"suite": LEVELS[brief.level], "placements": placements(joints, parts)},
        summary={"sensors_placed": sum(part.quantity for part in parts)},
    )


if __name__ == "__main__":
    run_designer(Designer("sensing", LEVELS, design))
