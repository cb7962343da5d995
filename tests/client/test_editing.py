"""Documents edited in place by the Python client, on the real stack."""

from __future__ import annotations

import asyncio

import pytest

from sharedstate import AsyncSharedState, SharedState
from sharedstate.errors import StaleVersion
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.keys import make_token


def test_a_document_is_read_changed_and_published(state: SharedState) -> None:
    with state.edit_design("skeleton", "skeleton_agent") as design:
        assert (design, design.base_version) == ({}, 0)
        design["bones"] = {"femur": {"length_m": 0.45}}
    with state.edit_design("skeleton", "skeleton_agent") as design:
        design["bones"]["femur"]["length_m"] = 0.44
    assert design.row["version"] == 2
    assert state.get_subsystem_design("skeleton") == design.row
    (change,) = state.diff_subsystem_design("skeleton", 1, 2)
    assert change == {
        "path": "/bones/femur/length_m",
        "change": "changed",
        "old": 0.45,
        "new": 0.44,
    }


def test_what_others_publish_meanwhile_is_merged(state: SharedState) -> None:
    state.update_subsystem_interfaces("skeleton", {"hip": 1, "knee": 1}, "skeleton_agent")
    with state.edit_interfaces("skeleton", "skeleton_agent") as mine:
        with state.edit_interfaces("skeleton", "knee_agent") as theirs:
            theirs["knee"] = 2
        mine["hip"] = 3
    assert mine.row["interfaces"] == {"hip": 3, "knee": 2}
    assert (mine.row["version"], mine.row["merged"]) == (3, True)


def test_the_same_part_changed_twice_is_refused_and_can_be_rebased(state: SharedState) -> None:
    state.update_subsystem_requirements("skeleton", {"mass_kg": 15, "height_m": 1}, "architect")
    with (
        pytest.raises(StaleVersion) as caught,
        state.edit_requirements("skeleton", "architect") as mine,
    ):
        state.update_subsystem_requirements("skeleton", {"mass_kg": 14, "height_m": 2}, "other")
        mine["mass_kg"] = 13
    problem = caught.value
    assert problem.paths == ["/mass_kg"]
    assert (problem.base_version, problem.latest_version) == (1, 2)
    assert problem.base == {"mass_kg": 15, "height_m": 1}
    assert problem.theirs == {"mass_kg": 14, "height_m": 2}
    assert problem.yours == {"mass_kg": 13, "height_m": 1}
    rebased = {**problem.theirs, "mass_kg": 13}
    row = state.update_subsystem_requirements(
        "skeleton", rebased, "architect", base_version=problem.latest_version
    )
    assert row["version"] == 3


def test_nothing_is_written_when_nothing_changed_or_the_block_fails(state: SharedState) -> None:
    state.update_subsystem_design("skeleton", {"bones": 6}, "skeleton_agent")
    with state.edit_design("skeleton", "skeleton_agent") as design:
        design["bones"] = 6
    assert design.row is None
    with pytest.raises(ZeroDivisionError), state.edit_design("skeleton", "a") as design:
        design["bones"] = 1 / 0
    assert [row["version"] for row in state.get_subsystem_design_history("skeleton")] == [1]


def test_limits_are_edited_in_place(state: SharedState) -> None:
    with state.edit_global_constraints("system_architect") as limits:
        limits["height_m"] = 1.8
        limits["budget_allocations"]["skeleton"]["mass_kg"] = 14
        limits["metadata"]["speed_m_s"] = 1.5
    with state.edit_global_constraints("system_architect") as limits:
        del limits["metadata"]["speed_m_s"]
        limits["voltage_v"] = None
    latest = state.get_global_constraints()
    assert latest is not None
    assert (latest["version"], latest["height_m"], latest["voltage_v"]) == (3, 1.8, None)
    assert latest["budget_allocations"]["skeleton"]["mass_kg"] == 14
    assert latest["metadata"] == {}


def test_without_an_author_a_draft_is_written_by_the_tokens_agent_or_the_execution(
    stack: StackInfo, state: SharedState
) -> None:
    """It is the agent that the token names; without one, the run is all that is known."""
    key = make_token(stack.jwt_secret, "authenticated", agent="skeleton_agent", ttl=60)
    named = SharedState(workspace=state.workspace, url=stack.url, key=key)
    for client, author in ((state, state.execution_id), (named, "skeleton_agent")):
        edits = [client.edit_requirements, client.edit_interfaces, client.edit_design]
        for edit in edits:
            with edit("skeleton") as document:
                document["by"] = author
            assert document.row["created_by"] == author
        with client.edit_global_constraints() as limits:
            limits["metadata"]["by"] = author
        assert limits.row["created_by"] == author
    named.close()


def test_history_is_read_page_by_page(state: SharedState) -> None:
    for number in range(5):
        state.update_subsystem_design("skeleton", {"number": number}, "skeleton_agent")
    pages = []
    before = None
    while page := state.get_subsystem_design_history("skeleton", 2, before_version=before):
        pages.append([row["version"] for row in page])
        before = page[-1]["version"]
    assert pages == [[5, 4], [3, 2], [1]]


def test_the_async_client_has_drafts_too(stack: StackInfo, workspace: str) -> None:
    async def run() -> None:
        async with AsyncSharedState(
            workspace=workspace, url=stack.url, key=stack.agent_key
        ) as state:
            async with state.edit_design("skeleton", "skeleton_agent") as design:
                design["bones"] = 6
            assert design.row["version"] == 1
            async with state.edit_global_constraints("system_architect") as limits:
                limits["height_m"] = 1.8
            assert limits.row["height_m"] == 1.8

    asyncio.run(run())
