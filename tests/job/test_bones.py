"""Hand-computed: a femur of 0.45 m, OD 35 mm, ID 29 mm.

Area = pi/4 x (0.035^2 - 0.029^2) = 3.0159e-4 m2; x 0.45 m x 2700 kg/m3 = 0.36643 kg.
I = pi/64 x (0.035^4 - 0.029^4) = 3.8943e-8 m4; 1000 N x 0.45 m x 0.0175 m / I = 202.2 MPa.
"""

from __future__ import annotations

import math

import pytest

from humanoid.domain.amounts import Infeasible, total
from humanoid.domain.bones import (
    BONE_KINDS,
    BoneKind,
    bearing_for,
    bending_stress_pa,
    design_skeleton,
    size_bone,
    tube_mass_kg,
)
from humanoid.domain.joints import joints_for
from humanoid.domain.requirements import Requirements

REFERENCE = Requirements(1.75, 45, 30, 1.5, 5, 4, 15000, "aluminum_6061", 48)
LOADS = {"leg": 500.0, "arm": 100.0}
FEMUR = BONE_KINDS[0]


def test_a_femur_weighs_what_the_formula_gives() -> None:
    assert tube_mass_kg(0.45, 0.035, 0.003) == pytest.approx(0.36643, abs=1e-5)


def test_a_thinner_wall_saves_mass() -> None:
    assert tube_mass_kg(0.45, 0.035, 0.0025) == pytest.approx(0.31011, abs=1e-4)


def test_the_bending_stress_of_a_femur_is_below_yield() -> None:
    assert bending_stress_pa(1000, 0.45, 0.035, 0.003) == pytest.approx(202.2e6, rel=1e-3)


def test_a_femur_is_35_mm_because_30_mm_would_bend() -> None:
    bone = size_bone(FEMUR, 1.0, 1000.0, (0.003,))
    assert (bone.outer_diameter_m, bone.mass_kg, bone.cost_usd) == (0.035, 0.3664, 55.5)


def test_the_lightest_of_all_tubes_that_bear_the_load_is_taken() -> None:
    # 30 x 3 mm (0.2955 kg) bears 430 Nm; 35 x 2.5 mm would be heavier though its wall is thinner.
    tibia = BoneKind("tibia", "leg", 0.43, 2)
    bone = size_bone(tibia, 1.0, 1000.0, (0.003, 0.0025))
    assert (bone.outer_diameter_m, bone.wall_thickness_m) == (0.030, 0.003)


def test_a_bone_that_no_tube_of_its_range_bears_is_infeasible() -> None:
    with pytest.raises(Infeasible, match=r"femur of 0\.90 m under 1000 N"):
        size_bone(FEMUR, 2.0, 1000.0, (0.003,))


@pytest.mark.parametrize(
    ("torque_nm", "bore_mm"), [(20, 20), (30, 20), (31, 30), (100, 30), (101, 40)]
)
def test_bearings_grow_with_the_torque(torque_nm: float, bore_mm: int) -> None:
    assert bearing_for(torque_nm).bore_mm == bore_mm


def test_the_skeleton_of_the_reference_robot_is_within_its_budget() -> None:
    skeleton = design_skeleton(joints_for(REFERENCE), LOADS, 2.0, 1.0, 0)
    used = total(skeleton.parts)
    assert 6 < used.mass_kg < 15
    assert used.cost_usd < 3000


def test_the_skeleton_counts_two_bearings_and_a_housing_a_joint() -> None:
    skeleton = design_skeleton(joints_for(REFERENCE), LOADS, 2.0, 1.0, 0)
    quantity = {part.name: part.quantity for part in skeleton.parts}
    assert quantity["joint_housing"] == 10
    assert quantity["bearing_6006"] == 12  # hips, knees, ankles
    assert quantity["bearing_6004"] == 8  # shoulders, elbows


def test_thin_walls_make_a_lighter_skeleton() -> None:
    thick, thin = (design_skeleton(joints_for(REFERENCE), LOADS, 2.0, 1.0, n) for n in (0, 1))
    assert total(thin.parts).mass_kg < total(thick.parts).mass_kg


def test_bones_of_a_taller_robot_are_longer() -> None:
    skeleton = design_skeleton(joints_for(REFERENCE), LOADS, 2.0, 1.1, 0)
    assert skeleton.bones[0].length_m == pytest.approx(0.495)


def test_joints_come_in_pairs_left_and_right_of_the_middle() -> None:
    joints = {joint.name: joint for joint in joints_for(REFERENCE)}
    assert len(joints) == 10
    assert joints["knee_r"].position == pytest.approx((0, -0.175, -0.45))
    assert joints["knee_l"].position == pytest.approx((0, 0.175, -0.45))


def test_a_foot_plate_weighs_its_volume() -> None:
    skeleton = design_skeleton(joints_for(REFERENCE), LOADS, 2.0, 1.0, 0)
    foot = next(part for part in skeleton.parts if part.name == "foot_plate")
    assert foot.each.mass_kg == pytest.approx(0.25 * 0.10 * 0.006 * 2700)
    assert math.isclose(foot.each.cost_usd, 50 + 15 * 0.405, abs_tol=0.01)
