"""Power: battery and wiring for the wanted hours, from what the others draw."""

from __future__ import annotations

from humanoid.desk import run_designer
from humanoid.domain.battery import LEVELS, Load, design_battery
from humanoid.proposals import Brief, Designer, Proposal


def design(brief: Brief) -> Proposal:
    """A battery that lasts and gives enough current."""
    actuation = brief.inputs["actuation"]["power"]
    load = Load(
        actuation_continuous_w=actuation["continuous_w"],
        actuation_peak_w=actuation["peak_w"],
        electronics_w=brief.inputs["sensing"]["power"]["average_w"],
        hours=brief.wanted["battery_life_hours"],
        speed_scale=brief.wanted["speed_scale"],
    )
    battery = design_battery(
        load, brief.wanted["voltage_v"], brief.wanted["length_scale"], brief.level
    )
    return Proposal(
        parts=battery.parts,
        interfaces={
            "battery": {"capacity_wh": battery.capacity_wh, "voltage_v": battery.voltage_v}
        },
        design=battery.as_dict(),
        summary={"capacity_wh": battery.capacity_wh, "battery_life_hours": battery.hours},
    )


if __name__ == "__main__":
    run_designer(Designer("power", LEVELS, design))
