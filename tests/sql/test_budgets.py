"""update_global_constraints: a new version for each change, of which only the given keys differ."""

from __future__ import annotations

from decimal import Decimal
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


def test_null_removes_a_total(api: Api) -> None:
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


@pytest.mark.parametrize("base_version", [0, 1])
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
    assert detail["yours"]["height_m"] == 1.9
    assert api.snapshot() == before


@pytest.mark.parametrize(
    ("base_version", "slug"), [(-1, "invalid_argument"), (2, "unknown_version")]
)
def test_a_base_version_that_was_never_published_is_refused(
    api: Api, base_version: int, slug: str
) -> None:
    call = {"constraints": {"height_m": 1.9}, "created_by": "system_architect"}
    api.refused("update_global_constraints", slug, **call, base_version=base_version)
    assert latest(api)["version"] == 1


def test_a_change_logs_itself(api: Api) -> None:
    update(api, {"height_m": 1.8}, execution_id="run-1")
    (entry,) = api.log("constraints_updated")
    assert (entry["agent_name"], entry["execution_id"]) == ("system_architect", "run-1")
    assert entry["details"] == {"version": 2, "merged": False}


def test_the_default_budgets_are_those_of_the_humanoid(api: Api) -> None:
    row = latest(api)
    assert (row["total_mass_kg_max"], row["total_cost_usd_max"]) == (45, 15000)
    assert (row["height_m"], row["voltage_v"], row["created_by"]) == (1.75, 48, "init")
    masses = {name: budget["mass_kg"] for name, budget in row["budget_allocations"].items()}
    assert sum(masses.values()) == 45
    assert set(masses) == {"skeleton", "actuation", "power", "sensing", "shell", "reserve"}


# Totals


@pytest.mark.parametrize(
    ("constraints", "overruns"),
    [
        (
            {"budget_allocations": {"skeleton": {"mass_kg": 30}, "reserve": {"mass_kg": 15.5}}},
            {"mass_kg": {"allocated": 45, "used": 45.5, "over": 0.5}},
        ),
        (
            {"total_mass_kg_max": 40, "total_cost_usd_max": 14_000},
            {
                "mass_kg": {"allocated": 40, "used": 45, "over": 5},
                "cost_usd": {"allocated": 14_000, "used": 15_000, "over": 1_000},
            },
        ),
    ],
)
def test_allocations_that_exceed_the_totals_are_refused(
    api: Api, constraints: Row, overruns: Row
) -> None:
    before = api.snapshot()
    detail = api.refused(
        "update_global_constraints",
        "over_budget",
        constraints=constraints,
        created_by="system_architect",
    )
    assert detail == {"scope": "robot", "overruns": overruns}
    assert api.snapshot() == before


def test_without_a_total_any_sum_may_be_allocated(api: Api) -> None:
    allocations = {"skeleton": {"mass_kg": 1000}}
    update(api, {"total_mass_kg_max": None, "budget_allocations": allocations})


def test_a_design_that_came_over_its_totals_may_still_change_its_height(api: Api) -> None:
    api.sql(
        "update global_constraints set total_mass_kg_max = 1 where workspace = %s", api.workspace
    )
    assert update(api, {"height_m": 1.8})["height_m"] == 1.8


# Compare-and-set


def test_changes_of_different_parts_are_merged(api: Api) -> None:
    budgets = latest(api)["budget_allocations"]
    shell = {**budgets["shell"], "mass_kg": 4}
    skeleton = {**budgets["skeleton"], "mass_kg": 14}
    update(api, {"budget_allocations": {**budgets, "shell": shell}}, base_version=1)
    row = update(
        api,
        {"budget_allocations": {**budgets, "skeleton": skeleton}, "height_m": 1.8, "paint": "red"},
        base_version=1,
    )
    assert (row["version"], row["base_version"], row["merged"]) == (3, 1, True)
    assert row["budget_allocations"] == {**budgets, "shell": shell, "skeleton": skeleton}
    assert (row["height_m"], row["metadata"]) == (1.8, {"paint": "red"})


def test_changes_of_the_same_part_are_refused_with_all_that_it_takes(api: Api) -> None:
    budgets = latest(api)["budget_allocations"]
    theirs = {**budgets, "shell": {"mass_kg": 4}}
    yours = {**budgets, "shell": {"mass_kg": 3}}
    update(api, {"budget_allocations": theirs}, base_version=1)
    detail = api.refused(
        "update_global_constraints",
        "stale_version",
        constraints={"budget_allocations": yours},
        created_by="system_architect",
        base_version=1,
    )
    assert detail["document"] == "global_constraints"
    assert (detail["base_version"], detail["latest_version"]) == (1, 2)
    assert detail["paths"] == ["/budget_allocations/shell/mass_kg"]
    found = [detail[key]["budget_allocations"] for key in ("base", "theirs", "yours")]
    assert found == [budgets, theirs, yours]


def test_two_changes_that_fit_alone_are_refused_when_they_exceed_the_totals_together(
    api: Api,
) -> None:
    budgets = latest(api)["budget_allocations"]
    update(api, {"total_mass_kg_max": 46}, base_version=1)
    for name, slug in (("shell", None), ("power", "over_budget")):
        more = {**budgets[name], "mass_kg": budgets[name]["mass_kg"] + 1}
        call: Row = {
            "constraints": {"budget_allocations": {**budgets, name: more}},
            "created_by": "system_architect",
            "base_version": 2,
        }
        if slug is None:
            api.do("update_global_constraints", **call)
        else:
            api.refused("update_global_constraints", slug, **call)


def test_the_same_change_made_by_others_is_not_published_again(api: Api) -> None:
    first = update(api, {"height_m": 1.8}, base_version=1)
    call = {"base_version": 1, "request_id": "00000000-0000-0000-0000-00000000000a"}
    assert update(api, {"height_m": 1.8}, **call) == first
    update(api, {"height_m": 1.9})
    assert update(api, {"height_m": 1.8}, **call) == first
    assert latest(api)["version"] == 3


def test_a_client_that_reads_numbers_as_doubles_changes_only_what_it_edits(api: Api) -> None:
    notes = {"long": Decimal("0.12345678901234567891"), "list": [12345678901234567890123]}
    call = {"created_by": "system_architect"}
    api.do_exactly("update_global_constraints", constraints={"notes": notes}, **call)
    read = latest(api)["metadata"]["notes"]
    edited = {"notes": {**read, "more": 1}}
    row = api.do_exactly("update_global_constraints", constraints=edited, base_version=2, **call)
    assert row["metadata"]["notes"] == {**notes, "more": 1}
    # Nor does it meet a conflict with whoever changes the number next to it.
    edited = {"notes": {**read, "more": 1, "long": Decimal("0.98765432109876543211")}}
    api.do_exactly("update_global_constraints", constraints=edited, base_version=3, **call)
    edited = {"notes": {**read, "more": 1, "list": []}}
    row = api.do_exactly("update_global_constraints", constraints=edited, base_version=3, **call)
    long = Decimal("0.98765432109876543211")
    assert row["metadata"]["notes"] == {"long": long, "list": [], "more": 1}


# Differences


def test_a_difference_between_versions_names_each_part(api: Api) -> None:
    budgets = latest(api)["budget_allocations"]
    budgets["shell"]["mass_kg"] = 4
    del budgets["reserve"]
    update(api, {"budget_allocations": budgets, "height_m": 1.8, "paint": "red"})
    found = api.do("diff_global_constraints", from_version=1, to_version=2)
    assert [(row["path"], row["change"], row["old"], row["new"]) for row in found] == [
        ("/budget_allocations/reserve", "removed", {"mass_kg": 2, "cost_usd": 500}, None),
        ("/budget_allocations/shell/mass_kg", "changed", 5, 4),
        ("/height_m", "changed", 1.75, 1.8),
        ("/metadata/paint", "added", None, "red"),
    ]
    assert api.do("diff_global_constraints", from_version=2, to_version=2) == []
    added = api.do("diff_global_constraints", from_version=0, to_version=1)
    assert "/budget_allocations/skeleton" in [row["path"] for row in added]


@pytest.mark.parametrize("version", [-1, 2, None])
def test_a_version_that_is_not_there_has_no_difference(api: Api, version: int | None) -> None:
    detail = api.refused(
        "diff_global_constraints", "unknown_version", from_version=1, to_version=version
    )
    assert detail == {"document": "global_constraints", "version": version}


def test_merged_versions_come_out_of_a_file_as_they_went_in(api: Api) -> None:
    update(api, {"height_m": 1.8}, base_version=1)
    update(api, {"voltage_v": 24}, base_version=1)
    document = api.do("export_state")
    copy = Api(api.http, api.stack, f"{api.workspace}-copy")
    copy.operate("init_workspace", workspace_name=copy.workspace, with_defaults=False)
    copy.operate("import_state", document=document)
    assert copy.do("export_state")["global_constraints"] == document["global_constraints"]
