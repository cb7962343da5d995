"""Integration: puts all together, writes the bill of materials and checks the totals."""

from __future__ import annotations

from humanoid.desk import run_designer
from humanoid.domain.amounts import Amounts, part_of, total
from humanoid.domain.assembly import assembly_parts, bill_of_materials
from humanoid.flow import INTEGRATION, READS
from humanoid.proposals import Brief, Designer, Proposal

LEVELS = ("all parts of all subsystems",)


def design(brief: Brief) -> Proposal:
    """What joins the parts of all the others, and the bill of materials with its totals."""
    parts = {
        name: [part_of(part) for part in brief.inputs[name]["parts"]] for name in READS[INTEGRATION]
    }
    own = assembly_parts([part for owned in parts.values() for part in owned])
    parts[INTEGRATION] = own
    lines = bill_of_materials(parts)
    # As each subsystem says in its status, so that this is what the database adds up, too.
    used = (total(owned).rounded() for owned in parts.values())
    totals = sum(used, Amounts()).rounded().as_dict()
    return Proposal(
        parts=own,
        interfaces={"totals": totals},
        design={
            "bill_of_materials": lines,
            "totals": totals,
            "limits": brief.wanted["limits"],
            "notes": notes(brief),
        },
        summary={"bill_of_materials_lines": len(lines), "totals": totals},
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
