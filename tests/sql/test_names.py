"""A name is any text of 1 to 128 characters in NFC, and goes safely through every door."""

from __future__ import annotations

import asyncio
import unicodedata
from typing import Any

import pytest
from tests.sql.support import Api

from sharedstate import AsyncSharedState, SharedState, config
from sharedstate_ops.stack.keys import make_token

NAMES = [
    "Skeleton Designer",
    "Fuß links",
    "手",
    "a,b(c)\"d'",
    "100% *",
    "%41 %zz",
    "a&b=c#d?e+f;g",
    "{x} [y] \\ $z |",
    "'; drop table subsystems; --",
    "../..",
    "-x",
    "null",
    "Ünï_agent",
    "🦾" * 128,
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_everything_can_have_any_name(api: Api, name: str) -> None:
    api.operate("init_workspace", workspace_name=name)
    stack = api.stack
    with SharedState(name, workspace=name, url=stack.url, key=stack.agent_key) as state:
        state.update_subsystem_status(name, {"state": "designing"})
        row = state.get_subsystem_status(name)
        assert row is not None
        assert (row["workspace"], row["name"], row["last_execution_id"]) == (name, name, name)
        assert name in [each["name"] for each in state.get_all_subsystem_statuses()]
        with state.lock(name, name, name):
            held = state.get_lock(name, name)
            assert held is not None
            assert (held["resource_type"], held["locked_by"]) == (name, name)
            holder = state.get_lock_status(name, name)["holder"]
            assert holder is not None
            assert holder["locked_by"] == name
        assert state.get_lock(name, name) is None
        state.update_subsystem_design(name, {"bones": 6}, name)
        design = state.get_subsystem_design(name)
        assert design is not None
        assert design["created_by"] == name
        state.record_dependency("power", name, "design", name)
        assert [each["on_subsystem"] for each in state.get_dependencies("power")] == [name]
        state.update_global_constraints({"budget_allocations": {name: {"mass_kg": 1}}}, name)
        assert {each["name"] for each in state.get_budget_usage(name)} == {name}
        number = state.log_conflict("low", name, "power_agent", "?", blocks=[name])
        assert state.is_blocked(name)
        assert [each["conflict_id"] for each in state.get_active_conflicts(name)] == [number]
        checkout = state.checkout_subsystem("power", name, reads=[name])
        assert checkout is not None
        assert [each["resource_name"] for each in state.get_situation(name)["leases"]] == ["power"]
        state.release_lock("subsystem", "power")
        assert state.release_execution(name)["leases"] == []
        logged = state.get_recent_activity(agent_name=name, execution_id=name)
        assert {each["agent_name"] for each in logged} == {name}
        query = state.supabase.table("subsystems").select("workspace, name")
        assert query.eq("name", name).execute().data == [{"workspace": name, "name": name}]


@pytest.mark.parametrize("name", ["Fuß links", "100% *"])
def test_the_async_client_and_tokens_take_any_name(api: Api, name: str) -> None:
    api.operate("init_workspace", workspace_name=name)
    key = make_token(api.stack.jwt_secret, "authenticated", workspace=name, agent=name, ttl=60)

    async def write(key: str, workspace: str | None) -> Any:
        async with AsyncSharedState(workspace=workspace, url=api.stack.url, key=key) as state:
            await state.log_agent_activity(name, "looked around")
            return (await state.get_recent_activity(1, agent_name=name))[0]["workspace"]

    assert asyncio.run(write(key, None)) == name
    assert asyncio.run(write(api.stack.agent_key, name)) == name
    api.refused(
        "log_agent_activity", "agent_mismatch", key=key, agent_name=f"{name}2", activity="x"
    )


def test_a_token_whose_agent_has_a_bad_name_writes_no_status(api: Api) -> None:
    key = make_token(api.stack.jwt_secret, "authenticated", agent="a ", ttl=60)
    before = api.snapshot()
    detail = api.refused(
        "update_subsystem_status",
        "invalid_argument",
        key=key,
        subsystem="skeleton",
        status={"state": "designing"},
        execution_id="run-1",
    )
    assert detail["argument"] == "agent"
    assert api.snapshot() == before


def test_the_header_may_be_sent_as_utf8_and_is_refused_when_it_is_no_text(api: Api) -> None:
    api.operate("init_workspace", workspace_name="手")
    answer = api.http.post(
        "/rpc/export_state",
        headers=[(b"apikey", api.stack.agent_key.encode()), (b"x-workspace", "手".encode())],
    )
    assert (answer.status_code, answer.json()["workspace"]) == (200, "手")
    for header in ("100%", "%zz", "%e6%89", "%00", "a%ff"):
        detail = api.refused("export_state", "invalid_argument", headers={"x-workspace": header})
        assert detail["argument"] == "x-workspace"
        read = api.http.get("/subsystems", headers=api.headers(more={"x-workspace": header}))
        assert (read.status_code, read.json()["message"]) == (400, "invalid_argument")
    detail = api.refused("export_state", "unknown_workspace", headers={"x-workspace": "a%0d%0ab"})
    assert detail == {"workspace": "a\r\nb"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty"),
        ("手" * 129, "has more than 128 characters"),
        (" a", "begins or ends with a space"),
        ("a ", "begins or ends with a space"),
        ("a\nb", "has a control character"),
        ("a\x7f", "has a control character"),
        ("a\x85b", "has a control character"),
        (unicodedata.normalize("NFD", "Füße"), "is not in Unicode NFC"),
    ],
    ids=ascii,
)
def test_database_and_client_give_the_same_reason_for_an_invalid_name(
    api: Api, state: SharedState, name: str, reason: str
) -> None:
    detail = api.refused(
        "log_agent_activity", "invalid_argument", agent_name=name, activity="looked around"
    )
    assert detail == {"argument": "agent_name", "reason": reason, "value": name[:200]}
    assert config.name_fault(name) == reason


def test_an_agent_belongs_to_the_subsystem_of_its_name_without_the_ending(api: Api) -> None:
    api.do("update_subsystem_status", subsystem="Fuß links", status={}, execution_id="run 1")
    api.do("update_subsystem_status", subsystem="_agent", status={}, execution_id="run 1")
    for source in ("Fuß links_agent", "Fuß links_designer", "Fuß links", "Fuß", "_agent"):
        api.do("log_conflict", severity="low", source=source, target="手", description="?")
    rows = {row["name"]: row["active_conflicts"] for row in api.rows("system_status")}
    assert (rows["Fuß links"], rows["_agent"], rows["power"]) == (3, 1, 0)
    assert len(api.do("get_active_conflicts", agent_name="Fuß links_agent")) == 3


def test_a_workspace_of_an_old_name_is_named_in_the_header_as_before() -> None:
    name = "team/robot:v1.0@lab-2_x"
    assert config.workspace_header(name) == {"x-workspace": name}


@pytest.mark.parametrize("name", [["skeleton"], {"name": "skeleton"}, 5, True], ids=str)
def test_a_name_that_is_no_text_is_refused_by_the_client(state: SharedState, name: Any) -> None:
    with pytest.raises(ValueError, match="resource_name is no text"):
        state.acquire_lock("subsystem", name, "skeleton_agent")
