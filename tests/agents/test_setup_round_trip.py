"""Whatever stands in a file, setup and then remove give the former bytes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sharedstate_agents.setup import claude, codex, cursor, gemini
from sharedstate_agents.setup.json_file import JsonFile
from sharedstate_agents.setup.json_text import parse
from sharedstate_agents.setup.programs import Programs

Draw = Any

FILES = [
    file
    for harness in (claude, codex, cursor, gemini)
    for place in ("path", "venv")
    for file in harness.files(Programs(place))
    if isinstance(file, JsonFile)
]

texts = st.text(st.sampled_from('aé😀"\\/*{}[],:#\n '), max_size=4)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
handlers = st.fixed_dictionaries({"type": st.just("command"), "command": texts})
groups = st.fixed_dictionaries({"hooks": st.lists(handlers, max_size=2)}) | handlers
events = st.sampled_from(["PreToolUse", "SessionStart", "preToolUse", "Stop"])
configurations = st.fixed_dictionaries(
    {},
    optional={
        "mcpServers": st.dictionaries(texts, values, max_size=3),
        "hooks": st.dictionaries(events, st.lists(groups, max_size=3), max_size=3),
        "version": st.just(1),
        "other": values,
    },
)


@st.composite
def written(draw: Draw) -> tuple[dict[str, Any], str, JsonFile]:
    """A configuration, a text of it with blanks and comments as people write them, and its file."""
    file = draw(st.sampled_from(FILES))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    blanks = st.sampled_from(["", "", " ", "\t", newline, f"{newline}  ", f"{newline}{newline}"])
    comments = st.sampled_from([f" // c, }}{newline}", "/* [ */", f"/*{newline}*/ "])
    gaps = blanks | (comments if file.comments and draw(st.booleans()) else blanks)

    def text_of(value: Any) -> str:
        if not isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=draw(st.booleans()))
        pairs = value.items() if isinstance(value, dict) else [(None, each) for each in value]
        items = [
            draw(gaps) + ("" if key is None else f"{text_of(key)}{draw(gaps)}:{draw(gaps)}")
            + text_of(each) + draw(gaps)
            for key, each in pairs
        ]  # fmt: skip
        inside = ",".join(items) + draw(gaps)
        return f"{{{inside}}}" if isinstance(value, dict) else f"[{inside}]"

    items = list(draw(configurations).items())
    configuration = dict(draw(st.permutations(items)))
    start = draw(st.sampled_from(["", "\ufeff"]))
    return configuration, start + draw(gaps) + text_of(configuration) + draw(gaps), file


@settings(max_examples=150, deadline=None)
@given(written())
def test_remove_gives_back_what_setup_found(found: tuple[dict[str, Any], str, JsonFile]) -> None:
    configuration, before, file = found
    after = file.wanted(before)
    assert file.faults(after) == []
    assert file.wanted(after) == after
    assert file.without(after) == before

    stored = parse(after).value
    stored.get("mcpServers", {}).pop("sharedstate", None)
    for event, elements in file.hooks.items():
        assert stored["hooks"][event][-len(elements) :] == elements
        del stored["hooks"][event][-len(elements) :]
    assert _without_empty(stored) == _without_empty(configuration)


@settings(max_examples=100, deadline=None)
@given(written())
def test_what_stands_in_a_file_without_us_is_not_touched(
    found: tuple[dict[str, Any], str, JsonFile],
) -> None:
    _, text, file = found
    assert file.without(text) == text


def _without_empty(configuration: dict[str, Any]) -> dict[str, Any]:
    """Without the containers that setup may have made."""
    kept = {
        key: {name: each for name, each in value.items() if each != []} if key == "hooks" else value
        for key, value in configuration.items()
    }
    return {key: value for key, value in kept.items() if value != {} or key == "other"}
