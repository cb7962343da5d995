"""Shell: covers around the skeleton's bones and the motors on them."""

from __future__ import annotations

from humanoid.desk import run_designer
from humanoid.domain.shell import LEVELS, WALLS_M, shell_parts
from humanoid.proposals import Brief, Designer, Proposal


def design(brief: Brief) -> Proposal:
    """Covers as wide as the bones and motors inside ask for."""
    envelopes = brief.inputs["actuation"]["envelopes"].values()
    diameters_m = {motor["kind"]: motor["diameter_mm"] / 1000 for motor in envelopes}
    parts = shell_parts(
        brief.inputs["skeleton"]["bones"], diameters_m, brief.wanted["length_scale"], brief.level
    )
    return Proposal(
        parts=parts,
        interfaces={"covers": [part.name for part in parts]},
        design={"wall_m": WALLS_M[brief.level], "covers": [part.as_dict() for part in parts]},
        summary={"covers_designed": sum(part.quantity for part in parts)},
    )


if __name__ == "__main__":
    run_designer(Designer("shell", LEVELS, design))
