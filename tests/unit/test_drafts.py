"""What counts as a change of a document that was handed out to be edited."""

from __future__ import annotations

from typing import Any

import pytest

from sharedstate.drafts import Draft

LIMITS: dict[str, Any] = {
    "version": 3,
    "total_mass_kg_max": 60,
    "total_cost_usd_max": None,
    "height_m": 1.7,
    "voltage_v": 48,
    "budget_allocations": {"power": {"mass_kg": 9}, "shell": {"mass_kg": 4}},
    "metadata": {"speed_m_s": 1.5, "terrain": {"stairs": True, "sand": False}},
    "created_by": "system_architect",
}


def _design(content: dict[str, Any]) -> Draft:
    return Draft.of_document({"version": 2, "design_data": content}, "design_data")


def test_without_a_version_it_starts_empty_from_version_zero() -> None:
    for draft in (Draft.of_document(None, "design_data"), Draft.of_constraints(None)):
        assert (draft, draft.base_version, draft.row, draft.is_changed) == ({}, 0, None, False)


@pytest.mark.parametrize(
    ("old", "new"),
    [(1, True), (0, False), (True, 1), ([1, 0], [1, False]), ({"b": 1}, {"b": True}), (None, 0)],
)
def test_what_python_takes_for_equal_and_json_does_not_is_a_change(old: Any, new: Any) -> None:
    draft = _design({"a": {"inner": old}})
    draft["a"]["inner"] = new
    assert draft.is_changed


@pytest.mark.parametrize(("old", "new"), [(1, 1.0), ([1], (1,)), ({}, {}), ("a", "a")])
def test_what_json_takes_for_equal_is_no_change(old: Any, new: Any) -> None:
    draft = _design({"a": old})
    draft["a"] = new
    assert not draft.is_changed


def test_an_edit_deep_inside_is_noticed_and_does_not_reach_the_row_that_was_read() -> None:
    row = {"version": 2, "design_data": {"bones": [{"length_m": 0.4}]}}
    draft = Draft.of_document(row, "design_data")
    draft["bones"][0]["length_m"] = 0.5
    assert draft.is_changed
    assert row["design_data"] == {"bones": [{"length_m": 0.4}]}


def test_a_patch_of_limits_holds_only_what_was_changed() -> None:
    draft = Draft.of_constraints(LIMITS)
    assert draft.patch == {}
    draft["height_m"] = 1.8
    draft["voltage_v"] = None
    del draft["budget_allocations"]["shell"]
    del draft["metadata"]["speed_m_s"]
    draft["metadata"]["terrain"]["sand"] = 0
    assert draft.patch == {
        "height_m": 1.8,
        "voltage_v": None,
        "budget_allocations": {"power": {"mass_kg": 9}},
        "metadata": {"speed_m_s": None, "terrain": {"stairs": True, "sand": 0}},
    }


def test_a_limit_that_was_taken_out_is_sent_as_null() -> None:
    draft = Draft.of_constraints(LIMITS)
    del draft["total_mass_kg_max"]
    assert draft.patch == {"total_mass_kg_max": None}
