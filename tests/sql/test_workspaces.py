"""Workspaces: isolated designs, made by operators, named by claim, header or default."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from tests.sql.support import TABLES, Api, Row

from sharedstate_ops.stack.keys import make_token


def names(api: Api, **call: Any) -> list[str]:
    status, rows = api.call("export_state", **call)
    assert status == 200, rows
    return [row["name"] for row in rows["subsystems"]]


def test_making_a_workspace_again_changes_nothing(api: Api) -> None:
    api.do(
        "update_subsystem_status",
        subsystem="skeleton",
        status={"state": "complete"},
        execution_id="run-1",
    )
    before = api.snapshot()
    first = api.operate("init_workspace", workspace_name=api.workspace)
    assert api.operate("init_workspace", workspace_name=api.workspace) == first
    assert first["name"] == api.workspace
    assert api.snapshot() == before


def test_a_workspace_may_be_made_empty(api: Api) -> None:
    bare = Api(api.http, api.stack, f"{api.workspace}-bare")
    bare.operate("init_workspace", workspace_name=bare.workspace, with_defaults=False)
    exported = bare.snapshot()
    assert exported.pop("workspace") == bare.workspace
    assert exported.pop("format") == "sharedstate/1"
    assert exported.pop("counters") == {"last_conflict_id": 0, "fencing": []}
    assert set(map(str, exported.values())) == {"[]"}


def test_without_a_named_workspace_a_call_works_on_default(api: Api) -> None:
    answer = api.http.post("/rpc/export_state", headers={"apikey": api.stack.agent_key})
    assert answer.json()["workspace"] == "default"
    assert api.call("export_state", headers={"x-workspace": ""})[1]["workspace"] == "default"


@pytest.mark.parametrize("table", [*TABLES, "system_status"])
def test_reading_a_table_of_an_unknown_workspace_is_an_error_and_not_empty(
    api: Api, table: str
) -> None:
    answer = api.http.get(f"/{table}", headers=api.headers(more={"x-workspace": "typo"}))
    assert (answer.status_code, answer.json()["message"]) == (404, "unknown_workspace")


def test_any_call_in_an_unknown_workspace_is_refused(api: Api) -> None:
    for name in ("export_state", "cleanup_expired_locks", "get_active_conflicts"):
        detail = api.refused(name, "unknown_workspace", headers={"x-workspace": "typo"})
        assert detail == {"workspace": "typo"}


@pytest.mark.parametrize(
    "name", ["x" * 129, "a b", "'; drop table subsystems; --", "../etc"], ids=lambda name: name[:9]
)
def test_an_odd_workspace_name_in_the_header_is_an_unknown_one(api: Api, name: str) -> None:
    nobody_s = f"{name} {uuid.uuid4()}"  # other tests make workspaces with odd names
    api.refused("export_state", "unknown_workspace", headers={"x-workspace": nobody_s})


def test_a_claim_wins_over_the_header(api: Api, new_workspace: Callable[[], Api]) -> None:
    other = new_workspace()
    key = make_token(api.stack.jwt_secret, "authenticated", workspace=other.workspace, ttl=60)
    assert api.call("export_state", key=key)[1]["workspace"] == other.workspace
    before = api.snapshot()
    status, row = api.call(
        "update_subsystem_status",
        key=key,
        subsystem="skeleton",
        status={"state": "complete"},
        execution_id="run-1",
    )
    assert (status, row["workspace"]) == (200, other.workspace)
    assert api.snapshot() == before
    rows = api.http.get("/subsystems", headers=api.headers(key)).json()
    assert {row["workspace"] for row in rows} == {other.workspace}


def test_operators_see_every_workspace_with_its_progress(
    api: Api, new_workspace: Callable[[], Api]
) -> None:
    other = new_workspace()
    for subsystem in ("skeleton", "power"):
        api.do(
            "update_subsystem_status",
            subsystem=subsystem,
            status={"state": "complete"},
            execution_id="run-1",
        )
    for _ in range(2):
        api.do("log_conflict", severity="low", source="a", target="b", description="?")
    api.do("resolve_conflict", conflict_id=1, resolution="?", resolved_by="b")
    found: dict[str, Row] = {row["name"]: row for row in api.operate("list_workspaces")}
    counts = ("subsystems", "complete", "open_conflicts")
    assert [found[api.workspace][count] for count in counts] == [7, 2, 1]
    assert [found[other.workspace][count] for count in counts] == [7, 0, 0]
    assert next(iter(found)) == "default"


def test_an_export_holds_one_workspace_and_imports_into_an_empty_one_as_it_was(
    api: Api, new_workspace: Callable[[], Api]
) -> None:
    by: Row = {"subsystem": "skeleton", "created_by": "skeleton_agent"}
    api.do("update_subsystem_interfaces", interfaces={"a": 0.1}, **by)
    api.do("update_subsystem_design", design_data={"b": [1]}, **by)
    api.do("update_subsystem_requirements", requirements={"c": None}, **by)
    api.do("update_global_constraints", constraints={"height_m": None, "x": 1}, created_by="op")
    for _ in range(2):
        api.do("log_conflict", severity="low", source="a", target="b", description="?")
    api.do("resolve_conflict", conflict_id=2, resolution="?", resolved_by="b")
    api.lock()
    document = api.do("export_state")
    target = Api(api.http, api.stack, f"{api.workspace}-copy")
    target.operate("init_workspace", workspace_name=target.workspace, with_defaults=False)
    counts = target.operate("import_state", document=document)
    assert {row["refused"] for row in counts} == {row["unchanged"] for row in counts} == {0}
    copied = target.do("export_state")
    for own in ("workspace", "exported_at"):
        del document[own], copied[own]
    assert copied == document
    again = target.operate("import_state", document=document)
    assert {row["imported"] for row in again} == {row["refused"] for row in again} == {0}
    # Old tokens and numbers are not given again.
    assert target.lock()["fencing_token"] == 2
    logged = target.do("log_conflict", severity="low", source="a", target="b", description="?")
    assert logged["conflict_id"] == 3
