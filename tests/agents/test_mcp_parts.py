"""The parts of the MCP server that need no server: pointers, texts of errors, cutting to size."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from mcp.server.mcpserver.exceptions import ToolError
from tests.agents.mcp_support import MOST_CHARACTERS

from sharedstate import errors
from sharedstate_agents.mcp import executions, texts, waiting
from sharedstate_agents.mcp.answers import DocumentPart, MySituation
from sharedstate_agents.mcp.clock import Clock
from sharedstate_agents.mcp.failures import explained
from sharedstate_agents.mcp.fitting import result_of
from sharedstate_agents.mcp.locking import take
from sharedstate_agents.mcp.pointers import changed, part_of
from sharedstate_agents.mcp.tool import StrictTool

DOCUMENT: dict[str, Any] = {"a": {"b": [1, {"c": 2}]}, "x/y": {"~": 3}}


@pytest.mark.parametrize(
    ("to_set", "to_remove", "wanted"),
    [
        ({"/a/b/0": 5}, [], {"a": {"b": [5, {"c": 2}]}, "x/y": {"~": 3}}),
        ({"/a/b/-": 5}, ["/x~1y"], {"a": {"b": [1, {"c": 2}, 5]}}),
        ({"/x~1y/~0": 4}, ["/a"], {"x/y": {"~": 4}}),
        ({"/new/way/here": None}, ["/a", "/x~1y"], {"new": {"way": {"here": None}}}),
        ({"": {"only": 1}}, [], {"only": 1}),
        ({"/a/b/1/c": 9}, ["/a/b/0", "/x~1y/~0"], None),
        ({"/": 1}, ["/a", "/x~1y"], {"": 1}),
    ],
)
def test_parts_are_removed_and_then_set(
    to_set: dict[str, Any], to_remove: list[str], wanted: dict[str, Any] | None
) -> None:
    before = json.dumps(DOCUMENT)
    if wanted is None:
        with pytest.raises(errors.InvalidArgument, match="leads nowhere"):
            changed(DOCUMENT, to_set, to_remove)
    else:
        assert changed(DOCUMENT, to_set, to_remove) == wanted
    assert json.dumps(DOCUMENT) == before


@pytest.mark.parametrize("pointer", ["a", "/a/b/2", "/a/b/-", "/a/b/x", "/a/b/0/c", "/nothing"])
def test_a_pointer_to_nothing_says_what_there_is(pointer: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        part_of(DOCUMENT, pointer)
    assert caught.value.hint


def test_a_document_stays_an_object() -> None:
    with pytest.raises(errors.InvalidArgument):
        changed(DOCUMENT, {"": [1]}, [])
    with pytest.raises(errors.InvalidArgument):
        changed(DOCUMENT, {}, [""])


# Those whose detail is told in sentences of its own come with it: test_mcp_locking.py.
TOLD_WITH_DETAIL = {"resource_locked", "lease_lost", "deadlock", "stale_inputs", "unexpected_error"}


@pytest.mark.parametrize("slug", sorted(set(errors.BY_SLUG) - TOLD_WITH_DETAIL))
def test_an_error_says_what_to_do_next_and_is_short(slug: str) -> None:
    kind = errors.BY_SLUG[slug]
    problem = kind(detail={"long": "x" * 10**6}, hint=kind.default_hint or "Do this.")
    text = explained(problem, Clock())
    assert text.startswith(f"{slug}:") and "Next: " in text
    assert len(text) <= 3100


def test_a_collision_names_the_part_and_what_is_there_now() -> None:
    detail = {"paths": ["/a", "/b"], "theirs": {"a": "x" * 10**6}, "latest_version": 3}
    text = explained(errors.StaleVersion(detail=detail), Clock())
    assert "/a is now xxx" in text and "/b is gone" in text and "version 3" in text
    assert len(text) <= 3100


def test_a_time_is_counted_by_the_clock_of_the_database() -> None:
    clock = Clock()
    clock.note((datetime.now(UTC) + timedelta(hours=1)).isoformat())
    ends = (datetime.now(UTC) + timedelta(hours=1, seconds=90)).isoformat()
    assert 88 <= clock.seconds_until(ends) <= 91
    assert clock.seconds_until(datetime.now(UTC).isoformat()) == 0
    assert "UTC (in " in clock.described(ends)


HOSTILE: list[Any] = [
    "x" * 10**6,
    ["\u0001" * 1000] * 1000,
    {f"{i}" + '"' * 10_000: {"v": i} for i in range(100)},
    {str(i): list(range(100)) for i in range(1000)},
    [[[[[[[["deep"] * 50] * 10]]]]]] * 40,
    [10**4000] * 10,
]


@pytest.mark.parametrize("content", HOSTILE)
def test_what_is_too_long_is_cut_and_says_so(content: Any) -> None:
    answer = DocumentPart(
        subsystem="s" * 128, document="design", version=1, pointer="", content=content
    )
    result = result_of(answer)
    assert len(result.content[0].text) <= MOST_CHARACTERS  # type: ignore[union-attr]
    cut = DocumentPart.model_validate(result.structured_content)
    if len(json.dumps(content, ensure_ascii=False)) > MOST_CHARACTERS:
        assert cut.left_out and 'detail="full"' in cut.left_out[-1]
    whole = result_of(answer, "full")
    assert whole.structured_content and whole.structured_content["content"] == content


def test_lists_keep_their_first_elements_and_all_fields() -> None:
    entry = {"at": "2026-11-30T12:00:00Z", "agent": "a" * 128, "activity": "b" * 200}
    situation = MySituation.model_validate(
        {
            **{key: [] for key in ("holds", "waits_for", "blocked_by", "conflicts", "budget")},
            **{"agent_name": "a", "execution_id": "b", "subsystem": "c", "server_time": "d"},
            "stale_inputs": [],
            "recent": [{**entry, "details": {"x": "y" * 3000}}] * 200,
        }
    )
    cut = MySituation.model_validate(result_of(situation).structured_content)
    assert cut.recent and cut.recent[0].activity.startswith("b")
    assert cut.left_out and any("/recent" in one for one in cut.left_out)


class RenewingState:
    """The part of a client that renews. The lease of `lost` has ended."""

    def __init__(self) -> None:
        self.renewed: list[str] = []

    def for_execution(self, _: str) -> RenewingState:
        return self

    async def get_situation(self, _: str) -> dict[str, Any]:
        return {"server_time": datetime.now(UTC).isoformat(), "leases": []}

    async def renew_lock(self, _: str, name: str, ttl_seconds: int, *, fencing_token: int) -> None:
        self.renewed.append(name)
        if name == "lost":
            raise errors.LeaseLost


def test_a_call_a_minute_later_renews_and_what_is_lost_is_renewed_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state: Any = RenewingState()

    async def calls() -> None:
        execution = executions.Execution(state, Clock())
        for name in ("kept", "lost"):
            execution.note(("file", name), fencing_token=1, ttl_seconds=300)
        await execution.renew()
        assert state.renewed == []
        monkeypatch.setattr(executions, "RENEWAL_S", 0.0)
        await execution.renew()
        assert state.renewed == ["kept", "lost"]
        await execution.renew()
        assert state.renewed == ["kept", "lost", "kept"]

    asyncio.run(calls())


def test_a_read_is_a_sign_of_life_of_the_one_agent_of_a_server_and_else_of_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executions, "RENEWAL_S", 0.0)

    async def renewed(only_agent: str | None) -> list[str]:
        state: Any = RenewingState()
        callers = executions.Callers(state, "s1", only_agent, Clock())
        caller = await callers.caller("a", "")
        caller.execution.note(("file", "kept"), fencing_token=1, ttl_seconds=300)
        await callers.reader("")
        return list(state.renewed)

    assert asyncio.run(renewed("a")) == ["kept"]
    assert asyncio.run(renewed(None)) == []


class QueuingState:
    """The part of a client that waits in line, for a lock that is never free."""

    async def acquire_lock(self, *_: object, **__: object) -> None:
        await asyncio.sleep(60)


def test_a_place_in_line_that_nobody_asks_for_is_given_up_and_the_next_call_gets_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "KEPT_S", 0.1)
    state: Any = QueuingState()
    me = executions.Caller("a", executions.Execution(state, Clock()))
    resource = ("file", "x")

    async def held(_: int | None) -> str | None:
        return None

    async def calls() -> None:
        # The second call still waits when the first one's time is long over.
        await asyncio.gather(take(me, resource, 0.01, held), take(me, resource, 0.5, held))
        place = me.execution.waits[resource]
        assert not place.has_ended
        await asyncio.sleep(0.3)
        assert place.was_given_up
        assert await take(me, resource, 0.01, held) is None
        assert not me.execution.waits[resource].has_ended

    asyncio.run(calls())


def test_instructions_and_prompts_are_short() -> None:
    assert len(texts.INSTRUCTIONS.encode()) <= 2048
    for text in (texts.coordinate("fly"), texts.take_role("a", "b")):
        assert len(text) <= 4000


def test_without_the_extra_the_command_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "import importlib.util as u\n"
        "found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'mcp' else found(name, *a)\n"
        "from sharedstate_ops.cli import app\n"
        "sys.argv = ['sharedstate', 'mcp']\n"
        "app()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert 'pip install "sharedstate[local,mcp]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_behind_the_arguments_is_not_told_as_one_of_them() -> None:
    def save(version: int) -> DocumentPart:
        """After its work the answer does not fit its model."""
        return DocumentPart.model_validate({"version": version, "content": {}})

    tool = StrictTool.from_function(save)
    for arguments, said in (({"version": 1}, "Error executing tool save"), ({"v": 1}, "v: Extra")):
        with pytest.raises(ToolError) as raised:
            asyncio.run(tool.run(arguments, cast(Any, None)))
        assert said in str(raised.value)
        assert ("Nothing was done" in str(raised.value)) is ("v" in arguments)
