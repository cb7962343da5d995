"""The tools of the MCP server, its prompts and its resources, over stdio."""

from __future__ import annotations

from typing import Any

import pytest
from tests.agents.mcp_support import ME, MOST_CHARACTERS, OTHER, Server, ToolFailed
from tests.awaiting import await_answer

from sharedstate import SharedState
from sharedstate_agents.hook.events import TOOLS_OF_AGENTS

READS = {"my_situation", "overview", "read_document", "news"}
TOOLS = TOOLS_OF_AGENTS | READS - {"my_situation"}


def test_there_are_fourteen_tools_that_say_when_to_use_them(server: Server) -> None:
    tools = server.portal.call(server.client.list_tools).tools
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        assert tool.description and len(tool.description.encode()) <= 2048, tool.name
        assert "Use it" in tool.description or tool.name in ("lock", "release", "note")
        assert tool.output_schema, tool.name
        assert "execution_id" in tool.input_schema["properties"], tool.name
        if tool.name in TOOLS_OF_AGENTS:
            assert "agent_name" in tool.input_schema["properties"], tool.name
        hints = tool.annotations
        assert hints and hints.read_only_hint is (tool.name in READS)
        assert hints.open_world_hint is False
        assert None not in (hints.destructive_hint, hints.idempotent_hint)


def test_a_step_from_checkout_to_checkin_is_published(
    server: Server, other: SharedState, subsystem: str
) -> None:
    taken = server.call("checkout", subsystem=subsystem, agent_name=ME)
    assert taken["granted"]
    assert taken["lease"]["held_by"] == ME
    assert 290 <= taken["lease"]["in_seconds"] <= 300
    saved = server.call(
        "save",
        subsystem=subsystem,
        document="design",
        base_version=0,
        set={"/bones/femur/length_m": 0.45},
        agent_name=ME,
    )
    assert (saved["version"], saved["merged"]) == (1, False)
    done = server.call(
        "checkin",
        subsystem=subsystem,
        agent_name=ME,
        state="complete",
        current_mass_kg=2.5,
        iteration=1,
        note="as light as can be",
    )
    assert done["released"]
    status = other.get_subsystem_status(subsystem)
    assert status
    assert (status["state"], status["current_mass_kg"], status["iteration"]) == ("complete", 2.5, 1)
    design = other.get_subsystem_design(subsystem)
    assert design
    assert design["design_data"] == {"bones": {"femur": {"length_m": 0.45}}}
    assert other.get_lock("subsystem", subsystem) is None
    (entry, *_) = other.get_recent_activity(activity="checked_in", agent_name=ME)
    assert entry["details"]["note"] == "as light as can be"


def test_an_argument_that_a_tool_does_not_have_is_refused_and_those_it_has_are_named(
    server: Server, other: SharedState, subsystem: str
) -> None:
    server.call("checkout", subsystem=subsystem, agent_name=ME)
    text = server.refused("checkin", subsystem=subsystem, agent_name=ME, state="complete", mass=1)
    assert text.startswith("invalid_argument: mass: ")
    assert "current_mass_kg" in text and "pydantic" not in text
    assert other.get_subsystem_status(subsystem) is None
    text = server.refused("release", subsystem=subsystem, agent_name=ME)
    assert "name: Field required" in text and "subsystem: " in text


def test_a_checkout_of_a_name_that_no_subsystem_has_says_so(server: Server, subsystem: str) -> None:
    taken = server.call("checkout", subsystem=subsystem, agent_name=ME)
    assert taken["granted"] and "No subsystem has this name yet" in taken["next"]
    server.call("checkin", subsystem=subsystem, agent_name=ME, state="designing")
    again = server.call("checkout", subsystem=subsystem, agent_name=ME)
    assert "No subsystem" not in again["next"]


def test_my_situation_tells_what_is_held_and_waited_for(
    server: Server, other: SharedState, subsystem: str
) -> None:
    server.call("checkout", subsystem=subsystem, agent_name=f"{subsystem}_agent")
    other.acquire_lock("file", subsystem, OTHER)
    server.call(
        "lock",
        resource_type="file",
        resource_name=subsystem,
        agent_name=f"{subsystem}_agent",
        wait_seconds=1,
    )
    now = server.call("my_situation", agent_name=f"{subsystem}_agent")
    assert now["execution_id"] == f"cc:session-7:{subsystem}_agent"
    assert now["subsystem"] == subsystem
    assert [held["resource_name"] for held in now["holds"]] == [subsystem]
    (place,) = now["waits_for"]
    assert (place["position"], place["held_by"]) == (1, OTHER)


def test_changes_of_the_same_part_are_refused_with_what_is_there_now(
    server: Server, other: SharedState, subsystem: str
) -> None:
    save = {"subsystem": subsystem, "document": "requirements", "agent_name": ME}
    server.call("save", base_version=0, set={"/mass_kg": 5, "/colours": ["red"]}, **save)
    other.update_subsystem_requirements(subsystem, {"mass_kg": 6, "colours": ["red"]}, OTHER)
    text = server.refused("save", base_version=1, set={"/mass_kg": 7}, **save)
    assert "stale_version" in text and "/mass_kg is now 6" in text and "version 2" in text
    saved = server.call("save", base_version=1, set={"/colours/-": "blue"}, **save)
    assert (saved["version"], saved["merged"]) == (3, True)
    read = server.call("read_document", subsystem=subsystem, document="requirements")
    assert read["content"] == {"mass_kg": 6, "colours": ["red", "blue"]}
    server.call("save", base_version=3, remove=["/colours/0"], **save)
    part = {"subsystem": subsystem, "document": "requirements", "pointer": "/colours"}
    assert server.call("read_document", **part)["content"] == ["blue"]
    assert "leads nowhere" in server.refused("save", base_version=4, set={"/mass_kg/x": 1}, **save)
    assert "unknown_version" in server.refused("save", base_version=99, set={"/a": 1}, **save)
    assert "Name a part" in server.refused("save", base_version=4, **save)


def test_documents_are_read_by_version_and_pointer_and_as_resources(
    server: Server, other: SharedState, subsystem: str
) -> None:
    read = {"subsystem": subsystem, "document": "interfaces"}
    assert server.call("read_document", **read)["version"] == 0
    other.update_subsystem_interfaces(subsystem, {"hip": {"x_mm": 90}}, ME)
    other.update_subsystem_interfaces(subsystem, {"hip": {"x_mm": 95}}, ME)
    assert server.call("read_document", pointer="/hip/x_mm", **read)["content"] == 95
    assert server.call("read_document", version=1, **read)["content"] == {"hip": {"x_mm": 90}}
    assert "has the keys hip" in server.refused("read_document", pointer="/knee", **read)
    uri = f"sharedstate://{subsystem}/interfaces"
    (content,) = server.portal.call(server.client.read_resource, uri).contents
    assert '"x_mm": 95' in content.model_dump()["text"]
    templates = server.portal.call(server.client.list_resource_templates).resource_templates
    assert [one.uri_template for one in templates] == ["sharedstate://{subsystem}/{document}"]


def test_news_come_once_each_and_in_order(server: Server, subsystem: str) -> None:
    agent = f"{subsystem}_agent"
    server.call("note", activity="first", agent_name=agent, details={"why": "because"})
    await_answer(lambda: [e["activity"] for e in _news(server, agent)["entries"]], ["first"])
    cursor = _news(server, agent)["cursor"]
    for activity in ("second", "third"):
        server.call("note", activity=activity, agent_name=agent)
    seen: list[str] = []

    def look() -> list[str]:
        nonlocal cursor
        page = server.call("news", cursor=cursor, agent_name=agent)
        cursor = page["cursor"]
        seen.extend(entry["activity"] for entry in page["entries"])
        return seen

    await_answer(look, ["second", "third"])
    assert "is no cursor" in server.refused("news", cursor="yesterday")


def _news(server: Server, agent: str) -> dict[str, Any]:
    return server.call("news", agent_name=agent)


def test_conflicts_block_are_seen_and_are_settled(server: Server, subsystem: str) -> None:
    blocked = f"{subsystem}_agent"
    report = {
        "severity": "critical",
        "description": "The hip does not fit:\nit is too wide.",
        "target": "system_architect",
        "agent_name": ME,
        "blocks": [blocked],
        "details": {"gap_mm": 3},
    }
    number = server.call("report_conflict", **report)["conflict_id"]
    assert server.call("report_conflict", **report)["conflict_id"] == number
    answer = server.call("checkout", subsystem=subsystem, agent_name=blocked)
    assert not answer["granted"]
    assert [one["conflict_id"] for one in answer["blocked_by"]] == [number]
    assert number in [c["conflict_id"] for c in server.call("overview")["conflicts"]]
    settle = {"conflict_id": number, "resolution": "3 mm less.", "agent_name": "system_architect"}
    assert server.call("settle_conflict", **settle)["unblocked"] == [blocked]
    assert "conflict_already_resolved" in server.refused("settle_conflict", **settle)
    missing = {**settle, "conflict_id": 999_999}
    assert "overview" in server.refused("settle_conflict", **missing)
    assert server.call("checkout", subsystem=subsystem, agent_name=blocked)["granted"]


def test_budgets_are_moved_and_reserved_and_never_beyond_what_is_there(server: Server) -> None:
    move = {"from_subsystem": "power", "to_subsystem": "shell", "reason": "r", "agent_name": ME}
    before = server.call("move_budget", mass_kg=0.5, **move)["allocations"]["shell"]["mass_kg"]
    after = server.call("move_budget", mass_kg=0.5, **move)["allocations"]["shell"]["mass_kg"]
    assert after == before + 0.5
    assert "over_budget" in server.refused("move_budget", mass_kg=1000, **move)
    reserve = {"subsystem": "power", "agent_name": ME}
    held = server.call("reserve_budget", mass_kg=1, **reserve)
    assert held["reserved"]
    refused = server.call("reserve_budget", mass_kg=1000, **reserve)
    assert not refused["reserved"]
    assert refused["budget"]
    release = {"resource_type": "reservation", "agent_name": ME}
    assert server.call("release", name=held["reservation_id"], **release)["released"]
    assert not server.call("release", name=held["reservation_id"], **release)["released"]


def test_an_overrun_is_taken_and_told(server: Server) -> None:
    server.call("checkout", subsystem="sensing", agent_name="sensing_agent")
    done = server.call(
        "checkin", subsystem="sensing", agent_name="sensing_agent", current_mass_kg=500
    )
    assert done["within_budget"] is False
    assert "move_budget" in done["next"]


def test_who_does_not_say_who_it_is_or_holds_nothing_is_told(
    server: Server, subsystem: str
) -> None:
    assert "Call again with agent_name" in server.refused("checkout", subsystem=subsystem)
    text = server.refused("checkin", subsystem=subsystem, agent_name=ME, state="complete")
    assert f'Call checkout for "{subsystem}" first' in text
    assert "invalid_argument" in server.refused("note", activity="x", agent_name=" a")
    assert "less than or equal to 45" in server.refused(
        "checkout", subsystem=subsystem, agent_name=ME, wait_seconds=600
    )
    with pytest.raises(ToolFailed):
        server.call("checkout")


def test_prompts_name_the_agent_and_its_subsystem(server: Server) -> None:
    prompts = server.portal.call(server.client.list_prompts).prompts
    assert {prompt.name for prompt in prompts} == {"coordinate", "take_role"}
    arguments = {"agent_name": ME, "subsystem": "skeleton"}
    got = server.portal.call(server.client.get_prompt, "take_role", arguments)
    assert ME in got.messages[0].content.model_dump()["text"]


def test_no_answer_is_long_also_with_large_data_of_others(
    server: Server, other: SharedState, subsystem: str
) -> None:
    agent = f"{subsystem}_agent"
    long = {f"k{i}" + "x" * 3000: ['"' * 500 + "\u0001"] * 4 for i in range(12)}
    nested: dict[str, object] = {"end": "y" * 5000}
    for _ in range(50):
        nested = {"n": nested}
    design = {"long": long, "nested": nested, "many": {str(i): i for i in range(1000)}}
    other.update_subsystem_requirements(subsystem, design, OTHER)
    other.update_subsystem_interfaces(subsystem, design, OTHER)
    other.update_subsystem_status(subsystem, {"state": "designing", "plan": design})
    numbers = [
        other.log_conflict("low", OTHER, agent, '"' * 3000, design, blocks=[agent], conflict_key=k)
        for k in map(str, range(15))
    ]
    other.log_agent_activities([{"agent_name": agent, "activity": "w" * 200, "details": long}] * 5)
    taken = {"subsystem": subsystem, "agent_name": agent}
    answers = [
        server.answer("my_situation", agent_name=agent),
        server.answer("overview"),
        server.answer("overview", subsystem=subsystem),
        server.answer("checkout", reads=[subsystem], **taken),
        server.answer("read_document", subsystem=subsystem, document="requirements"),
        server.answer("read_document", subsystem=subsystem, document="status"),
        server.answer("news", limit=200),
        server.answer(
            "save", document="design", base_version=0, set={"/x": design}, **taken
        ),
        server.answer("checkin", state="designing", **taken),
        server.answer("note", activity="z", agent_name=agent, details=design),
        server.answer("read_document", subsystem=subsystem, document="design", pointer="/k"),
        server.answer("settle_conflict", conflict_id=numbers[0], resolution="r" * 9000,
                      agent_name=agent),
    ]  # fmt: skip
    for answer in answers:
        (content,) = answer.content
        text = content.model_dump()["text"]
        assert len(text) <= MOST_CHARACTERS, text[:200]
    cut = answers[4].structured_content
    assert any("/content" in part for part in cut["left_out"])
    whole = server.call(
        "read_document", subsystem=subsystem, document="requirements", detail="full"
    )
    assert whole["content"] == design
    for number in numbers[1:]:
        other.resolve_conflict(number, "seen", OTHER)
