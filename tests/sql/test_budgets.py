"""update_global_constraints: a new version for each change, of which only the given keys differ."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sql.support import Api, Row


def update(api: Api, constraints: Row, **arguments: Any) -> Row:
    row: Row = api.do(
        "update_global_constraints",
        constraints=constraints,
        created_by="system_architect",
        **arguments,
    )
    return row


def latest(api: Api) -> Row:
    return api.rows("global_constraints", order="version.desc", limit="1")[0]


def test_absent_keys_keep_their_value_in_the_new_version(api: Api) -> None:
    before = latest(api)
    row = update(api, {"total_mass_kg_max": 50})
    assert (row["version"], row["total_mass_kg_max"]) == (2, 50)
    assert row["created_by"] == "system_architect"
    same = set(before) - {"version", "total_mass_kg_max", "created_by", "created_at"}
    assert {key: row[key] for key in same} == {key: before[key] for key in same}
    assert api.rows("global_constraints", order="version") == [before, row]


def test_budget_allocations_are_replaced_as_a_whole(api: Api) -> None:
    allocations = {"skeleton": {"mass_kg": 14, "colour": "red"}, "reserve": {}}
    assert update(api, {"budget_allocations": allocations})["budget_allocations"] == allocations


def test_null_lifts_a_limit(api: Api) -> None:
    row = update(api, {"total_cost_usd_max": None, "voltage_v": None})
    assert (row["total_cost_usd_max"], row["voltage_v"]) == (None, None)


def test_unknown_keys_go_to_metadata_and_null_removes_them(api: Api) -> None:
    update(api, {"climate": "indoor", "metadata": {"author": "x"}})
    assert latest(api)["metadata"] == {"climate": "indoor", "author": "x"}
    assert update(api, {"climate": None, "noise_db": 60})["metadata"] == {
        "author": "x",
        "noise_db": 60,
    }


def test_constraints_that_were_read_may_be_sent_back_as_they_are(api: Api) -> None:
    read = latest(api)
    written = update(api, read)
    changed = {key for key in read if read[key] != written[key]}
    assert changed == {"version", "created_by", "created_at"}


def test_the_first_version_of_an_empty_workspace_is_one(stack: Any, new_workspace: Any) -> None:
    api: Api = new_workspace()
    name = f"{api.workspace}-bare"
    api.operate("init_workspace", workspace_name=name, with_defaults=False)
    bare = Api(api.http, api.stack, name)
    assert bare.rows("global_constraints") == []
    row = update(bare, {"height_m": 1.2}, base_version=0)
    assert (row["version"], row["height_m"], row["total_mass_kg_max"]) == (1, 1.2, None)
    assert row["budget_allocations"] == {}


@pytest.mark.parametrize("base_version", [0, 1, 3])
def test_a_base_version_that_is_not_the_latest_is_stale(api: Api, base_version: int) -> None:
    update(api, {"height_m": 1.8}, base_version=1)
    before = api.snapshot()
    detail = api.refused(
        "update_global_constraints",
        "stale_version",
        constraints={"height_m": 1.9},
        created_by="system_architect",
        base_version=base_version,
    )
    assert (detail["expected"], detail["actual"]) == (base_version, 2)
    assert api.snapshot() == before


def test_a_change_logs_itself(api: Api) -> None:
    update(api, {"height_m": 1.8}, execution_id="run-1")
    (entry,) = api.log("constraints_updated")
    assert (entry["agent_name"], entry["execution_id"]) == ("system_architect", "run-1")
    assert entry["details"] == {"version": 2}


def test_the_default_budgets_are_those_of_the_humanoid(api: Api) -> None:
    row = latest(api)
    assert (row["total_mass_kg_max"], row["total_cost_usd_max"]) == (45, 15000)
    assert (row["height_m"], row["voltage_v"], row["created_by"]) == (1.75, 48, "init")
    masses = {name: budget["mass_kg"] for name, budget in row["budget_allocations"].items()}
    assert sum(masses.values()) == 45
    assert set(masses) == {"skeleton", "actuation", "power", "sensing", "shell", "reserve"}
