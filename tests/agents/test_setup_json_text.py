"""JSON is edited as text: what `insert` puts in, `remove` takes out, and no other byte changes."""

from __future__ import annotations

import json

import pytest

from sharedstate_agents.setup.errors import SetupError
from sharedstate_agents.setup.json_text import APPEND, insert, parse, remove

ENTRY = {"command": "sharedstate", "args": ["mcp"]}
TEXTS = {
    "an empty object": "{}",
    "an empty object over lines": "{\n}\n",
    "an empty object with a blank": "{ }",
    "an empty object with a comment": "{ // nothing yet\n}\n",
    "one line": '{"a": 1}',
    "one line without blanks": '{"a":1,"b":[1,2]}',
    "one line with a comment": '{"a": 1 /* one */ }\n',
    "a comment at the end of a line": '{"a": 1 // one\n}',
    "four blanks": '{\n    "a": {\n        "b": 1\n    }\n}\n',
    "tabs and no line break at the end": '{\n\t"a": 1\n}',
    "CRLF": '{\r\n  "a": 1,\r\n  "b": [ "x" ]\r\n}\r\n',
    "comments between": '// top\n{\n  // a\n  "a": 1, // one\n'
    '  /* b */ "b": 2\n  // end\n}\n// after\n',
    "a byte order mark": '\ufeff{"a": "ü\\u00e9\\n"}',
    "other servers": '{\n  "mcpServers": {\n'
    '    "other": {"command": "x", "env": {"K": "v"}}\n  }\n}\n',
    "no servers": '{\n  "mcpServers": {}\n}\n',
    "no servers, but a comment": '{\n  "mcpServers": {\n    // none\n  }\n}\n',
    "other hooks": '{"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": []}], "Stop": []}}',
    "an empty list": '{"hooks": {"PreToolUse": []}}',
    "an empty list over lines": '{\n  "hooks": {\n    "PreToolUse": [\n    ]\n  }\n}\n',
    "brackets and comments in text": '{"a": "}] // no /* comment", "//": ","}',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_what_was_put_in_is_taken_out_to_the_byte(text: str) -> None:
    steps = [text]
    for path in (
        ("mcpServers", "sharedstate"),
        ("hooks", "PreToolUse", APPEND),
        ("hooks", "PreToolUse", APPEND),
    ):
        steps.append(insert(steps[-1], path, ENTRY))
    value = parse(steps[-1]).value
    before = parse(text).value
    count = len(before.get("hooks", {}).get("PreToolUse", []))
    assert value["mcpServers"] == {**before.get("mcpServers", {}), "sharedstate": ENTRY}
    assert value["hooks"]["PreToolUse"][count:] == [ENTRY, ENTRY]
    assert {**value, "mcpServers": 0, "hooks": 0} == {**before, "mcpServers": 0, "hooks": 0}

    assert remove(steps[3], ("hooks", "PreToolUse", count + 1)) == steps[2]
    assert remove(steps[2], ("hooks", "PreToolUse", count)) == steps[1]
    assert remove(steps[1], ("mcpServers", "sharedstate")) == text


def test_the_order_of_taking_out_does_not_matter() -> None:
    text = '{\n  "a": 1\n}\n'
    both = insert(insert(text, ("mcpServers", "sharedstate"), ENTRY), ("hooks", "E", APPEND), ENTRY)
    assert remove(remove(both, ("mcpServers", "sharedstate")), ("hooks", "E", 0)) == text


def test_a_file_that_was_made_ends_empty() -> None:
    made = insert("", ("mcpServers", "sharedstate"), ENTRY)
    assert made == json.dumps({"mcpServers": {"sharedstate": ENTRY}}, indent=2) + "\n"
    assert remove(made, ("mcpServers", "sharedstate")) == ""


def test_what_others_add_later_stays() -> None:
    made = insert("", ("mcpServers", "sharedstate"), ENTRY)
    more = insert(made, ("mcpServers", "other"), {"command": "x"})
    left = remove(more, ("mcpServers", "sharedstate"))
    assert parse(left).value == {"mcpServers": {"other": {"command": "x"}}}
    assert left == insert("", ("mcpServers", "other"), {"command": "x"})


def test_new_lines_look_like_those_around_them() -> None:
    tabs = insert('{\n\t"mcpServers": {\n\t\t"x": 1\n\t}\n}\n', ("mcpServers", "s"), {"a": 1})
    assert tabs == ('{\n\t"mcpServers": {\n\t\t"x": 1,\n\t\t"s": {\n\t\t\t"a": 1\n\t\t}\n\t}\n}\n')
    crlf = insert('{\r\n    "a": 1\r\n}', ("s",), {"b": 2})
    assert crlf == '{\r\n    "a": 1,\r\n    "s": {\r\n        "b": 2\r\n    }\r\n}'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "line 1, column 1"),
        ('{\n  "a": 1,,\n}', "line 2, column 10"),
        ("{a: 1}", "line 1, column 2"),
        ('{"a" 1}', "line 1, column 6"),
        ('{"a": [1 2]}', "line 1, column 10"),
        ('{"a": 1} x', "line 1, column 10"),
        ('{"a": 1', "line 1, column 8"),
        ('{"a": "x}', "line 1, column 7"),
        ('{"a": 1,\n "a": 2}', "line 2, column 2"),
        ("{1: 2}", "line 1, column 2"),
        ('{"mcpServers": {"x": {}},}', "line 1, column 25"),
        ('{\n  "a": [\n    1, // one\n  ]\n}', "line 3, column 6"),
    ],
)
def test_what_is_not_json_is_named_with_its_place(text: str, place: str) -> None:
    with pytest.raises(SetupError, match=f"^{place}: "):
        parse(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("// top\n{}", "line 1, column 1"),
        ('{\n  "a": 1 // one\n}', "line 2, column 10"),
        ('\ufeff{\n  /* a */\n  "a": 1\n}', "line 2, column 3"),
        ('{"a": 1} /* after */', "line 1, column 10"),
    ],
)
def test_comments_are_named_where_they_are_not_allowed(text: str, place: str) -> None:
    parse(text)
    with pytest.raises(SetupError, match=f"^{place}: comments are not allowed here$"):
        parse(text, comments=False)


def test_without_comments_all_else_is_allowed() -> None:
    text = '\ufeff{"a": "// \\ufeff /* */ \ufeff"}'
    assert parse(text, comments=False) == parse(text)


@pytest.mark.parametrize("text", ['{\n  "mcpServers": []\n}', "[]", '{"mcpServers": null}'])
def test_a_value_of_another_kind_in_the_way_is_named(text: str) -> None:
    with pytest.raises(SetupError, match=r"line \d, column \d+: .* is not an object"):
        insert(text, ("mcpServers", "sharedstate"), ENTRY)
