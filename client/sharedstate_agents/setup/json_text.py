"""Edits JSON as text: a member or an element goes in or out, and every other byte stays.

Comments are kept. What `insert` did, `remove` undoes exactly:

- A container that has to be made opens with a line break. It goes with its last child.
- In an empty container the child stands directly behind the bracket. It stays when that goes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sharedstate_agents.setup.errors import SetupError

Path = Sequence[str | int]
APPEND = -1  # the last part of a path: a new element of the list
_BLANKS = " \t\r\n"
_GAP = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Node:
    """A value, where it stands in the text, and its children if it is an object or a list."""

    start: int
    end: int
    value: Any
    children: tuple[Child, ...] = ()

    def child(self, key: str | int) -> Node | None:
        """The value of this name, or at this place."""
        return next((child.node for child in self.children if child.key == key), None)


@dataclass(frozen=True)
class Child:
    """A member or an element: from its name to its value, and where a comma follows."""

    key: str | int
    start: int
    node: Node
    comma: int | None

    @property
    def end(self) -> int:
        """Behind the value, and behind its comma if it has one."""
        return self.node.end if self.comma is None else self.comma + 1


def parse(text: str, *, comments: bool = True) -> Node:
    """The value that the text holds; SetupError with line and column if it is not JSON."""
    start = _gap(text, 1 if text.startswith("\ufeff") else 0)
    root = _value(text, start)
    if (rest := _gap(text, root.end)) != len(text):
        raise _fault(text, rest, "something follows the end")
    if not comments:
        try:
            json.loads(text.replace("\ufeff", " ", 1) if start else text)
        except json.JSONDecodeError as problem:  # all else was found above
            raise _fault(text, problem.pos, "comments are not allowed here") from problem
    return root


def insert(text: str, path: Path, value: Any) -> str:
    """The text with a new member at the path, whose last part is a name or APPEND.

    Containers on the way are made where they are missing. "" is a file that has to be made.
    SetupError when something on the way is neither an object nor a list.
    """
    if not text:
        return json.dumps(_wrapped(path, value), indent=2, ensure_ascii=False) + "\n"
    root = node = parse(text)
    for depth, key in enumerate(path):
        kind: type = list if key == APPEND else dict
        if not isinstance(node.value, kind):
            what = "a list" if kind is list else "an object"
            name = ".".join(map(str, path[:depth])) or "it"
            raise _fault(text, node.start, f"{name} is not {what}")
        child = node.child(key)
        if child is None:
            return _put(text, node, root, key, _wrapped(path[depth + 1 :], value))
        node = child
    raise ValueError(f"{path} is there already")


def remove(text: str, path: Path) -> str:
    """The text without what stands at the path, and without containers that `insert` made for it.

    "" when `insert` made the whole file for it.
    """
    node = parse(text)
    for key in path[:-1]:
        inner = node.child(key)
        assert inner is not None
        node = inner
    children = node.children
    at = [child.key for child in children].index(path[-1])
    child = children[at]
    around = text[node.start + 1 : child.start], text[child.end : node.end - 1]
    if len(children) == 1:
        if around[0] and not "".join(around).strip(_BLANKS):
            return remove(text, path[:-1]) if len(path) > 1 else ""
        return text[: child.start] + text[child.end :]
    before = text[: child.start].rstrip(_BLANKS)
    if at == len(children) - 1:
        comma = children[at - 1].comma
        assert comma is not None
        before = before[:comma] + before[comma + 1 :]
    return before + text[child.end :]


def line_ending(text: str) -> str:
    """How lines end in this text."""
    return "\r\n" if "\r\n" in text else "\n"


def _wrapped(path: Path, value: Any) -> Any:
    for key in reversed(path):
        value = [value] if key == APPEND else {key: value}
    return value


def _put(text: str, node: Node, root: Node, key: str | int, value: Any) -> str:
    """The text with one more child in a container, behind the others."""
    newline = line_ending(text)
    unit = _indent(text, root.children[0].start) if root.children else ""
    inside = _indent(text, node.children[-1].start) if node.children else _indent(text, node.start)
    written = json.dumps(value, indent=unit or "  ", ensure_ascii=False)
    name = "" if key == APPEND else f"{json.dumps(key, ensure_ascii=False)}: "
    child = name + written.replace("\n", newline + inside)
    if not node.children:
        return text[: node.start + 1] + child + text[node.start + 1 :]
    last = node.children[-1]
    head = text[last.end : node.end - 1].rstrip(_BLANKS)
    lines = "\n" in text[node.start : node.children[0].start] or "\n" in text[last.end : node.end]
    between = newline + inside if lines else " "
    end = last.end + len(head)
    return text[: last.end] + "," + head + between + child + text[end:]


def _indent(text: str, at: int) -> str:
    """The blanks that the line at this place begins with."""
    line = text[text.rfind("\n", 0, at) + 1 :]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _gap(text: str, at: int) -> int:
    found = _GAP.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int) -> Node:
    if text[at : at + 1] in ("{", "["):
        return _container(text, at)
    try:
        value, end = _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as problem:
        raise _fault(text, problem.pos, problem.msg) from problem
    return Node(at, end, value)


def _container(text: str, start: int) -> Node:
    closing = "}" if text[start] == "{" else "]"
    children: list[Child] = []
    at = _gap(text, start + 1)
    while text[at : at + 1] != closing:
        if children and children[-1].comma is None:
            raise _fault(text, at, f"expected a comma or {closing}")
        first, key = at, len(children)
        if closing == "}":
            key, at = _name(text, at)
            if key in [child.key for child in children]:
                raise _fault(text, first, f"the name {key} stands here a second time")
        node = _value(text, at)
        comma = _gap(text, node.end)
        follows = text[comma : comma + 1] == ","
        children.append(Child(key, first, node, comma if follows else None))
        at = _gap(text, comma + follows)
        if follows and text[at : at + 1] == closing:
            raise _fault(text, comma, f"a comma stands before {closing}")
    pairs = [(child.key, child.node.value) for child in children]
    value = dict(pairs) if closing == "}" else [value for _, value in pairs]
    return Node(start, at + 1, value, tuple(children))


def _name(text: str, at: int) -> tuple[Any, int]:
    """The name of a member, and where its value begins."""
    name = _value(text, at)
    if not isinstance(name.value, str):
        raise _fault(text, at, "expected a name in quotes")
    colon = _gap(text, name.end)
    if text[colon : colon + 1] != ":":
        raise _fault(text, colon, "expected a colon")
    return name.value, _gap(text, colon + 1)


def _fault(text: str, at: int, what: str) -> SetupError:
    place = json.JSONDecodeError(what, text, at)
    return SetupError(f"line {place.lineno}, column {place.colno}: {what}")
