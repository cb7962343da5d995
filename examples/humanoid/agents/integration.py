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
            "degrees_of_freedom": brief.wanted["degrees_of_freedom"],
        },
        summary={"bill_of_materials_lines": len(lines)},
        usage=totals,
    )


if __name__ == "__main__":
    run_designer(Designer(INTEGRATION, LEVELS, design))
