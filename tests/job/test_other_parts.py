from __future__ import annotations

import math

import pytest

from humanoid.domain.amounts import Amounts, Part, total
from humanoid.domain.assembly import assembly_parts, bill_of_materials
from humanoid.domain.battery import Load, capacity_wh, design_battery, walking_power_w
from humanoid.domain.briefs import first_briefs
from humanoid.domain.budgets import allocations_of, budgets_of, first_budgets, whole
from humanoid.domain.requirements import Requirements
from humanoid.domain.sensors import FULL, LEAN, WITHOUT_LIDAR, placements, sensing_parts
from humanoid.domain.shell import limb_area_m2, shell_parts

REFERENCE = Requirements(1.75, 45, 30, 1.5, 5, 4, 15000, "aluminum_6061", 48)
LOAD = Load(730.0, 1460.0, 38.5, 4.0, 1.0)


# --- battery ---


def test_walking_draws_about_a_third_of_the_continuous_power() -> None:
    assert walking_power_w(LOAD) == pytest.approx(255.5)


def test_walking_never_draws_more_than_the_motors_can_give() -> None:
    assert walking_power_w(Load(730, 1460, 38.5, 4, speed_scale=3.3)) == 730


def test_the_battery_holds_the_average_for_the_wanted_hours() -> None:
    # 255.5 W walking + 38.5 W electronics + 10 W management + 38.5 x (1/0.92 - 1) = 3.348 W
    # + 2 % of 255.5 = 5.11 W: 312.458 W. For 4 h at 85 % usable: 1470.4 Wh.
    battery = design_battery(LOAD, 48.0, 1.0, 0)
    assert battery.average_w == pytest.approx(312.5)
    assert battery.capacity_wh == pytest.approx(1470.4)
    # At 200 Wh/kg 7.352 kg, with 0.3 + 0.3 kg of electronics and 0.8 kg of wiring.
    assert total(battery.parts).mass_kg == pytest.approx(8.752)
    # At 0.50 USD/Wh 735.20 USD, with 120 + 90 + 0.8 x 150 USD.
    assert total(battery.parts).cost_usd == pytest.approx(1065.2, abs=0.02)


def test_a_short_life_still_needs_current_for_all_motors_at_once() -> None:
    # (1460 + 38.5) W at 3 C.
    assert capacity_wh(312.5, Load(730, 1460, 38.5, 0.2, 1.0)) == pytest.approx(499.5)


def test_high_energy_cells_are_lighter_and_dearer() -> None:
    standard, high = (total(design_battery(LOAD, 48.0, 1.0, n).parts) for n in (0, 1))
    assert high.mass_kg < standard.mass_kg
    assert high.cost_usd > standard.cost_usd


def test_half_the_voltage_needs_twice_the_copper() -> None:
    low = design_battery(LOAD, 24.0, 1.0, 0).parts[-1]
    assert low.each.mass_kg == pytest.approx(1.6)


# --- sensing ---


def test_the_full_suite_is_within_the_default_budget() -> None:
    # 0.10 + 0.27 + 0.05 + 10 x 0.03 + 2 x 0.20 + 0.40 + 0.30 kg
    assert total(sensing_parts(10, FULL)).rounded() == Amounts(1.82, 2370, 38.5)


def test_each_level_of_sensing_uses_less() -> None:
    full, without, lean = (total(sensing_parts(10, n)) for n in (FULL, WITHOUT_LIDAR, LEAN))
    assert lean.fits(without)
    assert without.fits(full)


def test_every_part_but_cables_is_placed() -> None:
    parts = sensing_parts(10, LEAN)
    placed = placements(["knee_r", "knee_l"], parts)
    assert {part.name for part in parts} - set(placed) == {"sensor_cables"}
    assert placed["joint_encoder"] == ["knee_l", "knee_r"]


# --- shell ---


def test_a_cover_is_as_wide_as_the_widest_content_and_air_on_both_sides() -> None:
    assert limb_area_m2(0.45, 0.035, [0.07, 0.05]) == pytest.approx(math.pi * 0.11 * 0.45)


def test_a_cover_without_motors_still_houses_the_wrist_cables() -> None:
    assert limb_area_m2(0.25, 0.02, []) == pytest.approx(math.pi * 0.10 * 0.25)


def test_larger_motors_need_a_larger_shell_and_thin_covers_weigh_less() -> None:
    kinds = ("hip_flexion", "knee", "ankle", "shoulder", "elbow")
    names = ("femur", "tibia", "upper_arm", "forearm")
    bones = {name: {"length_m": 0.4, "outer_diameter_m": 0.03} for name in names}
    small, large = (dict.fromkeys(kinds, d) for d in (0.05, 0.09))
    mass = {
        (size, level): total(shell_parts(bones, motors, 1.0, level)).mass_kg
        for size, motors in (("small", small), ("large", large))
        for level in (0, 2)
    }
    assert mass["large", 0] > mass["small", 0] > mass["small", 2]


# --- assembly ---


def test_fasteners_are_two_percent_of_what_they_hold() -> None:
    parts = assembly_parts([Part("motor", 10, Amounts(1.0, 100))])
    assert total(parts).rounded() == Amounts(0.2, 108.0)


def test_the_bill_of_materials_has_a_line_a_part_and_its_totals() -> None:
    [line] = bill_of_materials({"actuation": [Part("motor", 10, Amounts(0.35, 150, 60))]})
    assert line["subsystem"] == "actuation"
    assert (line["quantity"], line["mass_kg"], line["total_mass_kg"]) == (10, 0.35, 3.5)
    assert (line["total_cost_usd"], line["total_power_w"]) == (1500, 600)


# --- budgets and briefs ---


def test_the_reference_robot_gets_the_default_allocation() -> None:
    budgets = first_budgets(REFERENCE)
    assert budgets["actuation"] == Amounts(12.0, 6000, 800)
    # What joins the parts comes out of the reserve of 2 kg and 500 USD: of 45 kg, 45 x 0.02 / 1.02
    # are fasteners, at 40 USD/kg and with 100 USD of consumables.
    assert budgets["integration"] == Amounts(0.882, 135.29)
    assert budgets["reserve"] == Amounts(1.118, 364.71)
    assert whole(budgets) == Amounts(45, 15000, 900)


@pytest.mark.parametrize("wishes", [(31.7, 9999.99), (1.0, 1.0), (500.0, 1.0)])
def test_budgets_always_add_up_to_the_limits_of_the_customer(wishes: tuple[float, float]) -> None:
    mass_kg, cost_usd = wishes
    budgets = first_budgets(
        Requirements(1.6, mass_kg, 30, 1.5, 5, 4, cost_usd, "aluminum_6061", 48)
    )
    assert (whole(budgets).mass_kg, whole(budgets).cost_usd) == wishes
    assert all(amount >= 0 for given in budgets.values() for amount in given.as_dict().values())


def test_a_heavier_load_gets_more_motor_power_and_a_lighter_one_no_less() -> None:
    heavy = Requirements(1.75, 90, 30, 1.5, 10, 4, 15000, "aluminum_6061", 48)
    light = Requirements(1.5, 30, 30, 1.0, 2, 4, 15000, "aluminum_6061", 48)
    assert first_budgets(heavy)["actuation"].power_w == 1600
    assert first_budgets(light)["actuation"].power_w == 800


def test_budgets_survive_being_written_and_read() -> None:
    budgets = first_budgets(REFERENCE)
    assert budgets_of(allocations_of(budgets)) == budgets


def test_briefs_scale_loads_with_mass_and_payload() -> None:
    heavy = Requirements(1.75, 90, 30, 1.5, 10, 4, 15000, "aluminum_6061", 48)
    assert first_briefs(REFERENCE)["skeleton"]["structural_loads_n"] == {"leg": 500, "arm": 100}
    assert first_briefs(heavy)["skeleton"]["structural_loads_n"]["leg"] == 1000
