"""The prompts in examples/claude_code name only tools, arguments and parts that exist."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.job.fake_state import FakeState
from tests.job.playing import play

from humanoid.flow import ARCHITECT, CONVERGED, READS, agent_of
from sharedstate_agents.identity import agent_name_of
from sharedstate_agents.project import Project

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDER = EXAMPLES / "claude_code"
SKILL = EXAMPLES.parent / "plugin" / "skills" / "coordinate" / "SKILL.md"
SUBSYSTEMS = (ARCHITECT, *READS)
OUR_TOOL = "mcp__sharedstate__"
ITS_OWN_TOOLS = {"Read", "Write", "Edit", "Glob", "Grep", "Bash"}
FIELDS = {"name", "description", "tools"}  # of those that Claude Code knows

DOCUMENTS = {"requirements", "interfaces", "design"}
STATES = {"complete", "over_budget", "infeasible", "working", "redesign", "not_converged"}
OTHER_WORDS = {"reserve", "next"}  # a giver of budget, and a field of an answer


def file_of(subsystem: str) -> Path:
    return FOLDER / "agents" / f"{agent_of(subsystem).replace('_', '-')}.md"


def read(path: Path) -> tuple[dict[str, Any], str]:
    """Frontmatter and prompt."""
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), body


def quoted(body: str) -> list[str]:
    """What a prompt has in backticks."""
    return re.findall(r"`([^`]+)`", body)


@cache
def tools() -> dict[str, set[str]]:
    """The tools of our MCP server, each with the names of its arguments."""
    from sharedstate_agents.mcp.clock import Clock
    from sharedstate_agents.mcp.server import build

    async def nobody() -> Any:
        raise AssertionError("no tool is called")

    listed = asyncio.run(build(nobody, Clock()).list_tools())
    return {tool.name: set(tool.input_schema["properties"]) for tool in listed}


@cache
def played() -> FakeState:
    """The humanoid job, done by the programs of the example."""
    fake = FakeState()
    wanted = json.loads((EXAMPLES / "humanoid" / "requirements.json").read_text())
    assert play(wanted, fake=fake) == CONVERGED
    return fake


def documents_of(subsystems: set[str]) -> Iterator[Any]:
    """The newest documents of these subsystems, as the programs published them."""
    state = played()
    for kind, content in (
        (state.requirements, "requirements"),
        (state.interfaces, "interfaces"),
        (state.designs, "design_data"),
    ):
        for name in subsystems & kind.keys():
            yield kind[name][-1][content]


def has(document: Any, pointer: str) -> bool:
    for step in pointer.removeprefix("/").split("/"):
        if not isinstance(document, dict) or step not in document:
            return False
        document = document[step]
    return True


def keys_in(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        yield from document
    if isinstance(document, dict | list):
        for part in document.values() if isinstance(document, dict) else document:
            yield from keys_in(part)


def test_there_is_a_prompt_for_each_of_the_seven_and_no_other() -> None:
    found = sorted((FOLDER / "agents").iterdir())
    assert found == sorted(map(file_of, SUBSYSTEMS))


@pytest.mark.parametrize("subsystem", SUBSYSTEMS)
def test_the_agent_of_a_prompt_has_the_name_that_hooks_give_it(subsystem: str) -> None:
    head, body = read(file_of(subsystem))
    assert head.keys() == FIELDS
    assert re.fullmatch("[a-z]+(-[a-z]+)*", head["name"])
    assert head["name"] == file_of(subsystem).stem
    assert agent_name_of(head["name"]) == agent_of(subsystem)
    assert body.strip().startswith(f"You are `{agent_of(subsystem)}`.")


@pytest.mark.parametrize("subsystem", SUBSYSTEMS)
def test_a_prompt_may_use_the_tools_that_it_names_and_all_of_them_exist(subsystem: str) -> None:
    head, body = read(file_of(subsystem))
    allowed = set(head["tools"].split(", "))
    ours = {name.removeprefix(OUR_TOOL) for name in allowed if name.startswith(OUR_TOOL)}
    assert allowed == {*(allowed & ITS_OWN_TOOLS), *(OUR_TOOL + name for name in ours)}
    assert ours <= tools().keys()
    assert tools().keys() & set(quoted(body)) <= ours


@pytest.mark.parametrize("subsystem", SUBSYSTEMS)
def test_what_a_prompt_has_in_backticks_exists_in_the_job(subsystem: str) -> None:
    _, body = read(file_of(subsystem))
    # The architect writes to all; whoever designs sees its own documents and what it reads.
    seen = set(SUBSYSTEMS) if subsystem == ARCHITECT else {subsystem, *READS[subsystem]}
    documents = list(documents_of(seen))
    arguments = set().union(*tools().values())
    names = {*SUBSYSTEMS, *map(agent_of, SUBSYSTEMS)}
    words = {*names, *DOCUMENTS, *STATES, *OTHER_WORDS, *tools(), *arguments}
    words |= {key for document in documents for key in keys_in(document)}
    for word in quoted(body):
        if word.startswith("/"):
            assert any(has(document, word) for document in documents), word
        elif not word.startswith("parts/"):
            assert word in words, word


@pytest.mark.parametrize("subsystem", READS)
def test_a_prompt_checks_out_with_the_inputs_that_its_program_reads(subsystem: str) -> None:
    _, body = read(file_of(subsystem))
    (call,) = re.findall(r"^1\. `checkout` with (.*?)\. ", body.replace("\n  ", ""), re.M)
    assert quoted(call)[:2] == ["subsystem", subsystem]
    reads = call.partition("`reads` ")[2].partition("`wait_seconds`")[0]
    assert quoted(reads) == list(READS[subsystem])


@pytest.mark.parametrize("subsystem", READS)
def test_the_folder_of_a_prompt_belongs_to_its_subsystem(subsystem: str) -> None:
    _, body = read(file_of(subsystem))
    (folder,) = (word for word in quoted(body) if word.startswith("parts/"))
    project = Project.of(str(FOLDER))
    assert project.subsystems_of(f"{folder}calculation.py") == [subsystem]
    assert project.subsystems.keys() == set(SUBSYSTEMS)


def test_the_readme_says_who_needs_whom() -> None:
    rows = re.findall(
        r"^\| `(.*?)` \| (.*?) ?\| ", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    needs = {name.removesuffix("-agent"): what for name, what in rows}
    assert needs.pop("system-architect") == ""
    assert needs.pop("integration") == "all others"
    assert needs == {name: ", ".join(READS[name]) for name in READS if name != "integration"}


def test_the_skill_names_only_tools_that_exist() -> None:
    head, body = read(SKILL)
    assert head["name"] == SKILL.parent.name
    words = {word for word in quoted(body) if re.fullmatch("[a-z_]+", word)}
    assert words <= {*tools(), "agent_name"}


@pytest.mark.parametrize("page", ["docs/claude-code.md", "docs/mcp.md", "docs/hooks.md"])
def test_the_full_names_of_tools_in_a_page_exist(page: str) -> None:
    text = (EXAMPLES.parent / page).read_text(encoding="utf-8")
    found = re.findall(r"(?<!/)mcp__(?:plugin_sharedstate_)?sharedstate__([a-z]\w*)", text)
    assert set(found) <= tools().keys()
