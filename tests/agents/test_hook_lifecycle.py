"""The hooks of a session's life: facts at the start, renewal by work, and free locks at the end."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest
from tests.agents.hook_support import TOML, Harness
from tests.sql.support import Api, Row

from sharedstate_agents.situation import remaining

AGENT = "skeleton_designer"


@pytest.fixture
def subagent(harness: Harness) -> Harness:
    """A subagent of the type skeleton-designer in that session."""
    return harness.subagent("a1b2c3")


def leases(api: Api) -> list[str]:
    """What is held, by name."""
    return [row["resource_name"] for row in api.rows("agent_locks", order="resource_name")]


def waits(api: Api, execution: str) -> None:
    """Get in line for the skeleton."""
    arguments = {"agent_name": execution, "execution_id": execution, "wait_seconds": 60}
    request_id = "11111111-1111-4111-8111-111111111111"
    api.do(
        "acquire_lock",
        resource_type="subsystem",
        resource_name="skeleton",
        request_id=request_id,
        **arguments,
    )


def test_a_subagent_is_told_who_it_is_what_it_holds_and_what_is_in_its_way(
    subagent: Harness, api: Api
) -> None:
    api.lock(agent_name=AGENT, execution_id=subagent.execution)
    api.lock("power", "power_agent", "cc:other:main")
    api.do(
        "log_conflict",
        severity="critical",
        source="power_agent",
        target="system_architect",
        description="The cells are\ntoo heavy",
        blocks=[AGENT],
        execution_id="x",
    )
    done = subagent.fire("SubagentStart")
    assert done.status == 0
    assert done.specific["hookEventName"] == "SubagentStart"
    text = done.specific["additionalContext"]
    assert f"Your agent_name is {AGENT}" in text
    assert f"your execution_id is {subagent.execution}" in text
    assert "You hold subsystem skeleton for " in text
    assert "power_agent holds subsystem power for " in text
    conflict = "Conflict #1 (critical) blocks you, from power_agent to system_architect:"
    assert f"{conflict} The cells are too heavy" in text
    assert "mass_kg 0 of 15 (15 left)" in text


def test_the_main_agent_is_asked_to_use_the_name_of_its_role(harness: Harness, api: Api) -> None:
    text = harness.fire("SessionStart", source="startup").specific["additionalContext"]
    assert "Your agent_name is the role that your prompt gives you" in text
    assert "You hold nothing." in text
    # After a pause it still holds something, and so has a name.
    api.lock(agent_name="system_architect", execution_id=harness.execution)
    text = harness.fire("SessionStart", source="resume").specific["additionalContext"]
    assert "Your agent_name is system_architect" in text


def test_a_session_that_belongs_to_one_agent_is_told_its_name(harness: Harness) -> None:
    harness.environment["SHAREDSTATE_AGENT"] = AGENT
    text = harness.fire("SessionStart", source="startup").specific["additionalContext"]
    assert f"Your agent_name is {AGENT}" in text


def test_facts_stay_below_a_thousand_tokens_and_say_where_the_rest_is(
    subagent: Harness, api: Api
) -> None:
    for number in range(30):
        api.do(
            "acquire_lock",
            resource_type="part",
            resource_name=f"肋骨 {number} " + "长" * 100,
            agent_name=AGENT,
            execution_id=subagent.execution if number % 2 else "other",
        )
        api.do(
            "log_conflict",
            severity="high",
            source=AGENT,
            target=f"agent {number}",
            description="重" * 2000,
            execution_id="x",
        )
    text = subagent.fire("SubagentStart").specific["additionalContext"]
    assert len(text.encode()) <= 3000  # three bytes a sign, four letters a token
    assert "see the tool" in text


def test_the_end_of_a_lease_is_told_in_utc_whatever_the_zone_of_the_database() -> None:
    now = datetime.fromisoformat("2026-11-30T17:00:00.5+02:00")
    text = remaining("2026-11-30T17:04:00.5+02:00", now)
    assert text == "240 s more, until 15:04:00 UTC"


def renewed_seconds_ago(api: Api, lease: Row, seconds: int) -> None:
    """Move a lease in time, as if it had been renewed so long ago."""
    found = api.sql(
        "update public.agent_locks set expires_at = clock_timestamp() + "
        "make_interval(secs => ttl_seconds - %s) where workspace = %s and resource_name = %s "
        "returning true",
        seconds,
        api.workspace,
        lease["resource_name"],
    )
    assert found == [(True,)]


def expiry(api: Api, lease: Row) -> Any:
    """When a lease ends."""
    (row,) = api.rows("agent_locks", resource_name=f"eq.{lease['resource_name']}")
    return row["expires_at"]


def tool_was_used(harness: Harness) -> None:
    """A tool call has succeeded."""
    done = harness.fire("PostToolUse", tool_name="Bash", tool_input={}, tool_response={"ok": True})
    assert done.is_silent


def test_work_renews_the_leases_of_its_agent_once_a_minute(subagent: Harness, api: Api) -> None:
    mine = api.lock(agent_name=AGENT, execution_id=subagent.execution)
    others = api.lock("power", "power_agent", "cc:other:main")
    for lease in (mine, others):
        renewed_seconds_ago(api, lease, 55)
    before = expiry(api, mine), expiry(api, others)
    tool_was_used(subagent)
    assert (expiry(api, mine), expiry(api, others)) == before
    for lease in (mine, others):
        renewed_seconds_ago(api, lease, 61)
    before = expiry(api, mine), expiry(api, others)
    tool_was_used(subagent)
    assert expiry(api, mine) > before[0]
    assert expiry(api, others) == before[1]
    (row,) = api.rows("agent_locks", resource_name="eq.skeleton")
    assert (row["fencing_token"], row["ttl_seconds"]) == (mine["fencing_token"], 300)


def test_a_short_lease_is_renewed_after_a_third_of_its_time(subagent: Harness, api: Api) -> None:
    mine = api.lock(agent_name=AGENT, execution_id=subagent.execution, ttl_seconds=60)
    renewed_seconds_ago(api, mine, 22)
    before = expiry(api, mine)
    tool_was_used(subagent)
    assert expiry(api, mine) > before


def test_a_grant_that_nobody_has_confirmed_is_left_to_lapse(subagent: Harness, api: Api) -> None:
    api.lock(execution_id="holder")
    waits(api, subagent.execution)
    api.do("release_execution", execution_id="holder")
    (before,) = api.rows("agent_locks")
    assert before["provisional"]
    tool_was_used(subagent)
    assert api.rows("agent_locks") == [before]


def test_a_subagent_that_holds_something_is_stopped_once_and_then_released(
    subagent: Harness, api: Api
) -> None:
    api.lock(agent_name=AGENT, execution_id=subagent.execution)
    api.lock("power", "power_agent", "cc:other:main")
    waits(api, "next_agent")
    first = subagent.fire("SubagentStop", stop_hook_active=False, last_assistant_message="done")
    assert first.status == 0
    assert first.output["decision"] == "block"
    assert "You still hold subsystem skeleton" in first.output["reason"]
    assert leases(api) == ["power", "skeleton"]
    began = time.monotonic()
    assert subagent.fire("SubagentStop", stop_hook_active=True).is_silent
    assert time.monotonic() - began < 2
    (lease,) = api.rows("agent_locks", resource_name="eq.skeleton")
    assert lease["execution_id"] == "next_agent"  # the next in line has it


def test_a_subagent_that_holds_nothing_may_stop_and_leaves_the_line(
    subagent: Harness, api: Api
) -> None:
    api.lock()
    waits(api, subagent.execution)
    assert subagent.fire("SubagentStop", stop_hook_active=False).is_silent
    assert api.rows("lock_queue") == []
    assert leases(api) == ["skeleton"]


def test_the_end_of_a_session_frees_what_its_agents_hold_and_no_more(
    harness: Harness, api: Api
) -> None:
    api.lock(execution_id=harness.execution)
    api.lock("power", "power_agent", harness.subagent("a1").execution)
    api.lock("shell", "shell_agent", harness.execution.replace("cc:7", "cc:8"))
    began = time.monotonic()
    assert harness.fire("SessionEnd", reason="prompt_input_exit").is_silent
    assert time.monotonic() - began < 2
    assert leases(api) == ["shell"]


def test_an_event_of_a_subagent_without_its_id_does_nothing_to_the_main_agent(
    harness: Harness, api: Api
) -> None:
    api.lock(execution_id=harness.execution)
    assert harness.fire("SubagentStop", stop_hook_active=True).is_silent
    assert harness.fire("SubagentStart").is_silent
    assert leases(api) == ["skeleton"]
    assert {failure["reason"] for failure in harness.failures} == {"The input has no agent_id."}


def publish(api: Api, mass_kg: float) -> None:
    """Check the skeleton in."""
    status = {"state": "complete", "current_mass_kg": mass_kg}
    api.do("update_subsystem_status", subsystem="skeleton", status=status, execution_id="x")


def completed(harness: Harness, **more: str) -> Any:
    """Try to complete a task; status and text of the hook."""
    done = harness.fire("TaskCompleted", task_id="1", task_subject="Design it", **more)
    assert done.stdout == ""
    return done.status, done.stderr


def test_a_task_is_not_complete_while_its_subsystem_is_over_budget_or_stale(
    subagent: Harness, api: Api
) -> None:
    publish(api, 99.0)
    assert completed(subagent) == (0, "")  # not configured
    checks = '[hooks]\ntask_completed = ["stale", "over_budget"]\n'
    (subagent.folder / "sharedstate.toml").write_text(TOML + checks)
    status, text = completed(subagent)
    assert status == 2
    assert "Subsystem skeleton is over budget." in text
    publish(api, 1.0)
    assert completed(subagent) == (0, "")

    for _ in range(2):
        api.do(
            "update_subsystem_interfaces",
            subsystem="power",
            interfaces={"voltage_v": len(api.rows("subsystem_interfaces"))},
            created_by="power_agent",
        )
    api.do(
        "record_dependency",
        subsystem="skeleton",
        on_subsystem="power",
        document="interfaces",
        agent_name=AGENT,
        version=1,
    )
    status, text = completed(subagent)
    assert status == 2
    assert "Subsystem skeleton is stale: interfaces of power changed after it was made." in text


def test_what_the_main_agent_holds_counts_for_its_task_too(harness: Harness, api: Api) -> None:
    toml = TOML + '[hooks]\ntask_completed = ["over_budget"]\n'
    (harness.folder / "sharedstate.toml").write_text(toml)
    publish(api, 99.0)
    assert completed(harness) == (0, "")
    assert completed(harness, teammate_name="skeleton_agent")[0] == 2
    api.lock(execution_id=harness.execution)
    assert completed(harness)[0] == 2
