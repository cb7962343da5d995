from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from humanoid.customer import read_requirements
from humanoid.domain.requirements import RequirementsError, parse_requirements

EXAMPLE = Path(__file__).parents[2] / "examples" / "humanoid" / "requirements.json"
GOOD: dict[str, Any] = json.loads(EXAMPLE.read_text())


def changed(section: str, key: str, value: object) -> dict[str, Any]:
    document = deepcopy(GOOD)
    document[section][key] = value
    return document


def test_the_reference_robot_scales_by_one() -> None:
    wanted = parse_requirements(GOOD)
    scales = (wanted.length_scale, wanted.load_scale, wanted.arm_load_scale, wanted.speed_scale)
    assert scales == (1.0, 1.0, 1.0, 1.0)


def test_legs_bear_robot_and_payload_and_an_arm_half_the_payload_and_itself() -> None:
    wanted = parse_requirements(changed("performance", "payload_capacity_kg", 14.0))
    assert wanted.load_scale == pytest.approx(59 / 50)
    assert wanted.arm_load_scale == pytest.approx((7 + 2) / (2.5 + 2))


@pytest.mark.parametrize(
    ("document", "place", "reason"),
    [
        ([], "the document", "object"),
        ({**GOOD, "physical": None}, "physical", "missing"),
        ({**GOOD, "physical": 3}, "physical", "found int"),
        ({**GOOD, "colour": "blue"}, "colour", "unknown"),
        (changed("physical", "height_m", 1750), "physical.height_m", "outside 0.5 to 3"),
        (changed("physical", "height_m", "1.75"), "physical.height_m", "a number"),
        (changed("physical", "height_m", True), "physical.height_m", "a number"),
        (changed("physical", "height_m", None), "physical.height_m", "missing"),
        (changed("physical", "degrees_of_freedom", 12.5), "physical.degrees_of_freedom", "whole"),
        (changed("physical", "heigth_m", 2), "physical.heigth_m", "unknown"),
        (
            changed("performance", "battery_life_hours", float("nan")),
            "performance.battery_life_hours",
            "outside",
        ),
        (
            changed("constraints", "cost_usd_max", 10**400),
            "constraints.cost_usd_max",
            "0 is outside 1 to 1e+07",
        ),
        (
            changed("constraints", "cost_usd_max", float("inf")),
            "constraints.cost_usd_max",
            "inf is",
        ),
        (changed("constraints", "voltage_v", 230), "constraints.voltage_v", "outside 24 to 60"),
        (
            changed("constraints", "material_primary", "wood"),
            "constraints.material_primary",
            "aluminum_6061",
        ),
        (changed("constraints", "material_primary", []), "constraints.material_primary", "one of"),
    ],
)
def test_bad_requirements_are_refused_with_place_and_reason(
    document: object, place: str, reason: str
) -> None:
    with pytest.raises(RequirementsError) as refused:
        parse_requirements(document)
    assert str(refused.value).startswith(f"{place}: ")
    assert reason in str(refused.value)


def test_a_missing_file_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(RequirementsError, match=r"none\.json: No such file"):
        read_requirements(tmp_path / "none.json")


def test_a_file_that_is_no_json_is_refused_by_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{\n  "physical": }')
    with pytest.raises(RequirementsError, match=r"broken\.json:2:15: it is no JSON"):
        read_requirements(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("9" * 5001, "digits"),
        ("[" * 100_000, "recursion"),
        ("{}", "physical: a JSON object is needed, it is missing"),
    ],
)
def test_a_file_that_python_cannot_take_in_is_refused(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / "huge.json"
    path.write_text(text)
    with pytest.raises(RequirementsError, match=rf"huge\.json: .*{reason}"):
        read_requirements(path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RequirementsError, match="no UTF-8 text"):
        read_requirements(path)


def test_the_shipped_files_can_be_read() -> None:
    for path in EXAMPLE.parent.glob("requirements*.json"):
        assert read_requirements(path)
