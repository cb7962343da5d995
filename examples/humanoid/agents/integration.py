"""Integration: puts all together, writes the bill of materials and checks the totals."""

from __future__ import annotations

from humanoid.desk import run_designer
from humanoid.domain.amounts import part_of, total
from humanoid.domain.assembly import assembly_parts, bill_of_materials
from humanoid.flow import INTEGRATION, READS
from humanoid.proposals import Brief, Designer, Proposal

LEVELS = ("all parts of all subsystems",)


def design(brief: Brief) -> Proposal:
    """The bill of materials; the limits that it has to meet are those of the whole robot."""
    parts = {
        name: [part_of(part) for part in brief.inputs[name]["parts"]] for name in READS[INTEGRATION]
    }
    joined = [part for owned in parts.values() for part in owned]
    own = assembly_parts(joined)
    totals = (total(joined) + total(own)).rounded()
    lines = bill_of_materials({**parts, INTEGRATION: own})
    return Proposal(
        parts=own,
        interfaces={"totals": totals.as_dict()},
        design={
            "bill_of_materials": lines,
            "totals": totals.as_dict(),
            "limits": brief.limits.as_dict(),
            "notes": notes(brief),
        },
        summary={"bill_of_materials_lines": len(lines)},
        usage=totals,
    )


def notes(brief: Brief) -> list[str]:
    """What is within the limits and yet not all that was asked for."""
    slowest = brief.inputs["actuation"]["slowest_joint"]
    found = []
    if slowest["speed_share"] < 1:
        speed = f"{slowest['speed_share']:.0%} of the wanted speed"
        found.append(f"the slowest joint, {slowest['kind']}, reaches {speed} at full torque")
    main, wanted = len(brief.inputs["skeleton"]["joints"]), brief.wanted["degrees_of_freedom"]
    if main < wanted:
        found.append(f"{main} of {wanted} degrees of freedom are designed: the main joints")
    return found


if __name__ == "__main__":
    run_designer(Designer(INTEGRATION, LEVELS, design))
