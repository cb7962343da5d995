"""Hand-computed first choice of one side: hip high 1.2, knee high + gearbox 1.5, ankle high 1.2,
shoulder and elbow medium 0.7 each, five controllers 0.75: 6.05 kg, so 12.1 kg for both.
Cost: 450 + 600 + 450 + 280 + 280 + 5 x 80 = 2460, so 4920 USD. Rated power of a side is
3 x 400 + 2 x 250 = 1700 W; continuous is half of it, so 1700 W for both sides.
"""

from __future__ import annotations

import pytest

from humanoid.domain.amounts import Amounts, Infeasible, total
from humanoid.domain.joints import Joint, joints_for
from humanoid.domain.motors import (
    DIRECT,
    GEARED,
    GEARED_LEGS,
    LIGHTEST,
    actuation_parts,
    choose_drives,
    drives_for,
    usage,
)
from humanoid.domain.requirements import Requirements

REFERENCE = Requirements(1.75, 45, 30, 1.5, 5, 4, 15000, "aluminum_6061", 48)
JOINTS = joints_for(REFERENCE)
BUDGET = Amounts(12.0, 6000, 800)


def names(torque_nm: float) -> list[tuple[str, float]]:
    drives = drives_for(torque_nm, 60)
    return [(d.motor.name.split("_")[0], round(d.ratio, 3)) for d in drives]


def test_a_hip_is_turned_by_the_strong_motor_or_a_smaller_one_with_gearbox() -> None:
    assert names(80) == [("high", 1.0), ("medium", 1.92), ("low", 4.8)]


def test_a_knee_needs_a_gearbox_in_any_case() -> None:
    assert names(100) == [("high", 1.2), ("medium", 2.4), ("low", 6.0)]


def test_an_elbow_never_gets_a_motor_larger_than_the_smallest_that_meets_it() -> None:
    assert names(20) == [("medium", 1.0), ("low", 1.2)]


def test_exactly_met_torque_needs_no_gearbox() -> None:
    assert names(50 / 1.2) == [("medium", 1.0), ("low", 2.5)]


def test_no_gearbox_has_a_ratio_beyond_one_planetary_stage() -> None:
    assert names(500) == [("high", 6.0)]
    assert names(1000) == []


def test_the_first_choice_is_over_mass_and_far_over_power() -> None:
    used = usage(choose_drives(JOINTS, DIRECT, BUDGET), JOINTS).rounded()
    assert used == Amounts(12.1, 4920, 1700)


def test_gearboxes_in_the_legs_alone_do_not_meet_800_watts() -> None:
    used = usage(choose_drives(JOINTS, GEARED_LEGS, BUDGET), JOINTS).rounded()
    # Six low-torque motors in the legs, four medium ones in the arms: 6 x 60 + 4 x 125 W.
    assert used.power_w == 860


def test_gearboxes_everywhere_meet_the_budget() -> None:
    used = usage(choose_drives(JOINTS, GEARED, BUDGET), JOINTS).rounded()
    # One pair of medium motors with gearbox, eight low ones: 2 x 125 + 8 x 60 W.
    assert used == Amounts(8.7, 4060, 730)


def test_the_slowest_joint_is_as_fast_as_the_budget_allows() -> None:
    wide = choose_drives(JOINTS, GEARED, Amounts(100, 100_000, 10_000))
    tight = choose_drives(JOINTS, GEARED, BUDGET)
    slowest = [min(d.speed_share for d in choice.values()) for choice in (wide, tight)]
    assert slowest[0] > slowest[1] == pytest.approx(150 / 4.8 / 60)


def walking(speed_ms: float, height_m: float = 1.75) -> list[Joint]:
    return joints_for(Requirements(height_m, 45, 30, speed_ms, 5, 4, 15000, "aluminum_6061", 48))


def test_legs_turn_as_fast_as_the_walk_asks_for_and_slower_the_longer_they_are() -> None:
    def speeds(joints: list[Joint]) -> dict[str, float]:
        return {joint.kind: joint.speed_rpm for joint in joints}

    arms = {"shoulder": 120, "elbow": 120}
    assert speeds(walking(1.5)) == {"hip_flexion": 60, "knee": 60, "ankle": 90, **arms}
    assert speeds(walking(5.0)) == {"hip_flexion": 200, "knee": 200, "ankle": 300, **arms}
    assert speeds(walking(1.5, 1.4)) == {"hip_flexion": 75, "knee": 75, "ankle": 112.5, **arms}


def test_another_walk_is_driven_by_other_motors() -> None:
    # At 0.5 m/s small motors, geared down, are fast enough for the legs.
    slow, usual, fast = (choose_drives(walking(v), GEARED, BUDGET) for v in (0.5, 1.5, 5.0))
    knees = [drives["knee"].motor.name for drives in (slow, usual)]
    assert knees == ["low_torque_brushless", "medium_torque_brushless"]
    assert slow["knee"].speed_share == 1
    assert usual["knee"].speed_share == pytest.approx(80 / 2.4 / 60)
    assert fast["knee"].speed_share == pytest.approx(80 / 2.4 / 200)


def test_the_lightest_choice_is_the_low_torque_motor_everywhere() -> None:
    used = usage(choose_drives(JOINTS, LIGHTEST, BUDGET), JOINTS).rounded()
    assert used == Amounts(8.0, 3800, 600)


def test_a_joint_beyond_all_motors_is_infeasible() -> None:
    joint = Joint("hip_r", "hip", "leg", "revolute", 900.0, 60.0, (0, 0, 0))
    with pytest.raises(Infeasible, match="no motor turns the hip with 1080 Nm"):
        choose_drives([joint], GEARED, BUDGET)


@pytest.mark.parametrize("level", [DIRECT, GEARED_LEGS, GEARED, LIGHTEST])
def test_parts_and_drives_add_up_to_the_same(level: int) -> None:
    choice = choose_drives(JOINTS, level, BUDGET)
    assert total(actuation_parts(choice, JOINTS)).rounded() == usage(choice, JOINTS).rounded()
