from __future__ import annotations

import pytest

from humanoid.domain.amounts import Amounts, Part, amounts_of, part_of, total


def test_amounts_add_subtract_and_scale_by_resource() -> None:
    one, two = Amounts(1.0, 10.0, 100.0), Amounts(2.0, 20.0, 200.0)
    assert one + two == Amounts(3.0, 30.0, 300.0)
    assert two - one == one
    assert one * 2 == two


def test_over_has_only_the_excess_of_each_amount() -> None:
    assert Amounts(12.1, 4920, 1700).over(Amounts(12, 6000, 800)).rounded() == Amounts(0.1, 0, 900)


def test_rounding_noise_is_no_excess() -> None:
    assert Amounts(0.1 + 0.2).fits(Amounts(0.3))


def test_a_share_adds_up_over_resources_and_survives_a_limit_of_zero() -> None:
    assert Amounts(1, 10, 5).share_of(Amounts(10, 100, 0)) == pytest.approx(5.2)


def test_amounts_are_read_with_absent_and_null_resources_as_zero() -> None:
    assert amounts_of({"mass_kg": 15, "cost_usd": None}) == Amounts(15.0, 0.0, 0.0)


def test_amounts_are_told_in_units_without_zeros() -> None:
    assert str(Amounts(12.1, 4920, 1700)) == "12.1 kg, 4,920 USD, 1,700 W"
    assert str(Amounts(power_w=3)) == "3 W"
    assert str(Amounts()) == "nothing"


def test_the_total_counts_every_piece_of_a_part() -> None:
    parts = [Part("motor", 10, Amounts(0.35, 150, 60)), Part("gearbox", 2, Amounts(0.3, 150))]
    assert total(parts).rounded() == Amounts(4.1, 1800, 600)


def test_a_part_survives_being_written_and_read() -> None:
    part = Part("motor", 10, Amounts(0.35, 150, 60))
    assert part_of(part.as_dict()) == part
