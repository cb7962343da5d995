"""PreToolUse: an edit of what another execution holds is refused; our tools get their identity."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.agents.hook_support import FEMUR, TOML, Harness
from tests.sql.support import Api

PATCH = f"""*** Begin Patch
*** Update File: README.md
@@
-old
+new
*** Update File: {FEMUR}
*** Move to: parts/thigh.py
@@
-a
+b
*** End Patch"""


def reason(answer: dict[str, Any]) -> str:
    """Why an edit was refused."""
    assert answer["hookEventName"] == "PreToolUse"
    assert answer["permissionDecision"] == "deny"
    text: str = answer["permissionDecisionReason"]
    return text


def test_an_edit_of_what_another_holds_is_refused_with_holder_expiry_and_next_step(
    harness: Harness, api: Api
) -> None:
    api.lock(execution_id="cc:other:main")
    text = reason(harness.edit(FEMUR).specific)
    assert f"{harness.folder}/{FEMUR} belongs to subsystem skeleton" in text
    assert "skeleton_agent holds skeleton (execution cc:other:main)" in text
    (seconds,) = re.findall(r"for (\d+) s more, until \d\d:\d\d:\d\d UTC", text)
    assert 200 < int(seconds) <= 300
    assert "tool checkout" in text
    assert "work on something else" in text


def test_what_nobody_or_the_same_execution_holds_may_be_edited_and_nothing_is_said(
    harness: Harness, api: Api
) -> None:
    assert harness.edit(FEMUR).is_silent
    api.lock(execution_id=harness.execution)
    assert harness.edit(FEMUR).is_silent
    # Two subagents of one session are two executions.
    assert "skeleton_agent holds" in reason(harness.subagent("a1").edit(FEMUR).specific)


def test_files_of_other_subsystems_of_none_and_outside_may_be_edited(
    harness: Harness, api: Api
) -> None:
    api.lock()
    for path in ("parts/power/cell.py", "README.md", "../parts/skeleton/femur.py"):
        assert harness.edit(path).is_silent, path


def test_if_strict_what_nobody_holds_is_checked_out_first(harness: Harness, api: Api) -> None:
    (harness.folder / "sharedstate.toml").write_text("strict = true\n" + TOML)
    text = reason(harness.edit(FEMUR).specific)
    assert "which nobody holds. Take it first with the tool checkout" in text
    assert harness.edit("README.md").is_silent
    api.lock(execution_id=harness.execution)
    assert harness.edit(FEMUR).is_silent


def test_a_lease_that_has_lapsed_protects_nothing(harness: Harness, api: Api) -> None:
    api.lapse(api.lock())
    assert harness.edit(FEMUR).is_silent


@pytest.mark.parametrize(
    ("tool", "tool_input"),
    [
        ("Write", {"file_path": FEMUR, "content": "x"}),
        ("NotebookEdit", {"notebook_path": FEMUR, "new_source": "x"}),
        ("apply_patch", {"command": PATCH}),
        ("apply_patch", {"command": ["apply_patch", PATCH]}),
        ("apply_patch", {"input": PATCH}),
    ],
)
def test_every_editing_tool_is_guarded_and_relative_paths_begin_at_its_folder(
    harness: Harness, api: Api, tool: str, tool_input: dict[str, Any]
) -> None:
    api.lock()
    done = harness.fire("PreToolUse", tool_name=tool, tool_input=tool_input)
    assert f"{FEMUR} belongs to subsystem skeleton" in reason(done.specific)
    deeper = harness.folder / "parts"
    tool_input = {key: _moved(value) for key, value in tool_input.items()}
    done = harness.fire("PreToolUse", tool_name=tool, tool_input=tool_input, cwd=str(deeper))
    assert "skeleton/femur.py belongs to subsystem skeleton" in reason(done.specific)


def _moved(value: Any) -> Any:
    if isinstance(value, list):
        return [_moved(item) for item in value]
    return value.replace("parts/skeleton", "skeleton")


def test_a_patch_that_is_only_written_down_patches_nothing(harness: Harness, api: Api) -> None:
    api.lock()
    tool_input = {"file_path": str(harness.folder / "README.md"), "content": PATCH}
    assert harness.fire("PreToolUse", tool_name="Write", tool_input=tool_input).is_silent


def test_reading_a_file_and_other_tools_ask_nobody(harness: Harness, api: Api) -> None:
    api.lock()
    for tool in ("Read", "Bash", "mcp__other__write"):
        assert harness.edit(FEMUR, tool).is_silent


@pytest.mark.parametrize("server", ["mcp__sharedstate__", "mcp__plugin_sharedstate_sharedstate__"])
def test_our_tools_get_the_execution_of_the_agent_that_calls(harness: Harness, server: str) -> None:
    written = {"subsystem": "skeleton", "agent_name": "me", "execution_id": "cc:forged:main"}
    for caller in (harness, harness.subagent("a1b2")):
        done = caller.fire("PreToolUse", tool_name=f"{server}checkout", tool_input=written)
        assert done.status == 0
        assert done.specific == {
            "hookEventName": "PreToolUse",
            "updatedInput": {**written, "execution_id": caller.execution},
        }


def test_codex_asks_the_agent_for_its_execution_because_it_takes_no_changed_input(
    harness: Harness,
) -> None:
    tool_input = {"subsystem": "skeleton", "agent_name": "me"}
    common = {"turn_id": "t1", "tool_name": "mcp__sharedstate__checkout"}
    caller = harness.subagent("a1b2")
    done = caller.fire("PreToolUse", tool_input=tool_input, **common)
    assert f'call it again with execution_id "{caller.execution}"' in reason(done.specific)
    tool_input["execution_id"] = caller.execution
    assert caller.fire("PreToolUse", tool_input=tool_input, **common).is_silent
    common["tool_name"] = "mcp__sharedstate__overview"
    assert caller.fire("PreToolUse", tool_input={}, **common).is_silent


def test_in_cursor_our_tools_are_known_by_their_names(harness: Harness) -> None:
    tool_input = {"subsystem": "skeleton", "agent_name": "me"}
    done = harness.fire("preToolUse", tool_name="MCP:checkout", tool_input=tool_input)
    assert done.output == {"updated_input": {**tool_input, "execution_id": harness.execution}}
    for other in ({"subsystem": "skeleton"}, {"agent_name": "me"}):
        name = "MCP:checkout" if "subsystem" in other else "MCP:deploy"
        assert harness.fire("preToolUse", tool_name=name, tool_input=other).is_silent


def test_cursor_is_answered_in_its_own_words(harness: Harness, api: Api) -> None:
    api.lock()
    event = {
        "hook_event_name": "preToolUse",
        "conversation_id": "c-1",
        "workspace_roots": [str(harness.folder)],
        "tool_name": "Write",
        "tool_input": {"file_path": str(harness.folder / FEMUR)},
    }
    done = harness.feed("preToolUse", json.dumps(event).encode())
    assert done.output["permission"] == "deny"
    assert "skeleton_agent holds skeleton" in done.output["agent_message"]
    api.do("release_execution", execution_id="run-1")
    api.lock(execution_id="cc:c-1:main")
    assert harness.feed("preToolUse", json.dumps(event).encode()).is_silent
