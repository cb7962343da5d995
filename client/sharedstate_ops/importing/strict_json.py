"""JSON as Postgres can store it, with the line of every value.

Python's own reader accepts NaN, drops repeated keys, rounds long decimals and forgets where a value
stood. Someone who repairs a design by hand needs the line, so objects and arrays are walked here;
strings and numbers are left to the standard library.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import accumulate
from json.encoder import encode_basestring
from typing import Any, NamedTuple, TypeVar

from sharedstate._numbers import exact_decimal, exact_integer, is_storable, refuse_constant

N = TypeVar("N", int | Decimal, float | Decimal)
# What the database takes, 200 levels of a document, inside of an export file: six levels deep in it
# where a conflict's history keeps what was reported, conflicts[i].events[j].details.details.
MAX_DEPTH = 206

_SPACE = re.compile(r"[ \t\n\r]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SUSPICIOUS_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class JsonError(ValueError):
    """The text is no JSON at all; `line` (from 1) and `reason` say where and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Fault:
    """Stands in the place of a value that is written correctly but cannot be stored."""

    reason: str


@dataclass(slots=True)
class Node:
    """A JSON value and the line on which it begins; members and items are nodes again."""

    value: Any
    line: int


@dataclass(slots=True)
class Parsed:
    """A whole text: its value, and (line, reason) for each value that a repeated key hides."""

    root: Node
    hidden: list[tuple[int, str]] = field(default_factory=list)


class Item(NamedTuple):
    """The item of a list in a text that is walked through, or, at -1, a member that is no list.

    `parsed` is set, and `value` is None, where only a close look can tell what is wrong.
    """

    key: str
    at: int
    parsed: Parsed | None
    value: Any
    line: int


def parse(text: str) -> Parsed:
    """Read one JSON text; raises JsonError when it is none.

    Values that cannot be stored (NaN, a NUL in a string) become a `Fault`, so that the caller may
    leave out that field and keep the rest.
    """
    return _Parser(text).whole()


def plain(node: Node) -> Any:
    """The ordinary Python value of a node without faults."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def decode_quickly(text: str, at: int = 0) -> tuple[Any, int] | None:
    """(value, end) of the JSON value at `at`, several times faster than `parse`.

    None when it has anything that `parse` would report: then ask `parse`, which knows the reason.
    """
    try:
        value, end = _QUICK.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None
    if _SUSPICIOUS_ESCAPE.search(text, at, end):
        return None
    deep = text.count("{", at, end) + text.count("[", at, end) > MAX_DEPTH
    return None if deep else (value, end)


def sections(text: str) -> Iterator[Item]:
    """Walk through an object of lists with 100,000 items without a node for each of their values.

    Raises JsonError where the text is no JSON object.
    """
    return _Parser(text).sections()


def faults(node: Node, path: str = "") -> Iterator[tuple[str, int, str]]:
    """(path, line, reason) of every value below `node` that cannot be stored."""
    value = node.value
    if isinstance(value, Fault):
        yield path, node.line, value.reason
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from faults(member, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from faults(item, f"{path}[{number}]")


def encode(value: Any) -> str:
    """JSON text of a plain value, with Decimals written digit by digit."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    except TypeError:
        return _encode_exactly(value)


def _encode_exactly(value: Any) -> str:
    if isinstance(value, dict):
        members = (f"{encode_basestring(k)}:{_encode_exactly(v)}" for k, v in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_encode_exactly, value)) + "]"
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def unstorable(text: str) -> str | None:
    """Why Postgres would refuse this string inside jsonb, or None."""
    if "\0" in text:
        return "a text holds the character NUL, which Postgres cannot store"
    if _SURROGATE.search(text):
        return "a text holds half of a surrogate pair, which is no character"
    return None


def repeated(key: str, line: int) -> str:
    """What to say of a value whose key stands again on `line`."""
    return f'the key "{key}" stands here and again on line {line}; the last value was taken'


def _constant(text: str) -> Fault:
    return Fault(f"{text} is no JSON number")


def _storable_decimal(text: str) -> float | Decimal:
    return _in_range(exact_decimal(text), text)


def _storable_integer(text: str) -> int | Decimal:
    return _in_range(exact_integer(text), text)


def _in_range(number: N, text: str) -> N:
    if isinstance(number, Decimal) and not is_storable(number):
        raise ValueError(f"the number {_short(text)} is out of range")
    return number


def _or_fault(read: Callable[[str], N]) -> Callable[[str], N | Fault]:
    def read_or_say(text: str) -> N | Fault:
        try:
            return read(text)
        except ValueError as error:
            return Fault(str(error))

    return read_or_say


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:20] + "..."


_SCALARS = json.JSONDecoder(
    parse_constant=_constant,
    parse_float=_or_fault(_storable_decimal),
    parse_int=_or_fault(_storable_integer),
)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands here twice")
    return found


_QUICK = json.JSONDecoder(
    object_pairs_hook=_without_repeats,
    parse_constant=refuse_constant,
    parse_float=_storable_decimal,
    parse_int=_storable_integer,
)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        # Where each line ends: one bisect then gives the line of any position.
        self.line_ends = list(accumulate(len(line) + 1 for line in text.split("\n")))
        self.hidden: list[tuple[int, str]] = []

    def whole(self) -> Parsed:
        if not self.text.strip(" \t\r\n"):
            raise JsonError(1, "is empty")
        root, end = self.value(self.skip(0), 0)
        end = self.skip(end)
        if end < len(self.text):
            raise self.error(end, "something follows after the end of the JSON value")
        return Parsed(root, self.hidden)

    def sections(self) -> Iterator[Item]:
        at = self.skip(0)
        if self.text[at : at + 1] != "{":
            raise self.error(at, "Expecting an object")
        at = self.skip(at + 1)
        is_first = True
        while self.text[at : at + 1] != "}":
            at = at if is_first else self.expect(",", at)
            is_first = False
            if self.text[at : at + 1] != '"':
                raise self.error(at, "Expecting a key in double quotes")
            key, at = self.scalar(at)
            at = self.expect(":", self.skip(at))
            if self.text[at : at + 1] == "[":
                at = yield from self.section_items(str(key), at)
            else:
                parsed, value, end = self.quick_value(at)
                yield Item(str(key), -1, parsed, value, self.line(at))
                at = self.skip(end)
        if self.skip(at + 1) < len(self.text):
            raise self.error(at + 1, "something follows after the end of the JSON value")

    def section_items(self, key: str, at: int) -> Generator[Item, None, int]:
        at = self.skip(at + 1)
        index = 0
        while self.text[at : at + 1] != "]":
            at = at if index == 0 else self.expect(",", at)
            parsed, value, end = self.quick_value(at)
            yield Item(key, index, parsed, value, self.line(at))
            at = self.skip(end)
            index += 1
        return self.skip(at + 1)

    def quick_value(self, at: int) -> tuple[Parsed | None, Any, int]:
        quick = decode_quickly(self.text, at)
        if quick is not None:
            return None, *quick
        self.hidden = []
        node, end = self.value(at, 1)
        return Parsed(node, self.hidden), None, end

    def value(self, at: int, depth: int) -> tuple[Node, int]:
        if depth > MAX_DEPTH:
            raise self.error(at, f"is nested more than {MAX_DEPTH} levels deep")
        first = self.text[at : at + 1]
        if first == "{":
            return self.members(at, depth)
        if first == "[":
            return self.items(at, depth)
        found, end = self.scalar(at)
        return Node(found, self.line(at)), end

    def scalar(self, at: int) -> tuple[Any, int]:
        try:
            found, end = _SCALARS.raw_decode(self.text, at)
        except json.JSONDecodeError as error:
            raise self.error(error.pos, error.msg) from None
        if isinstance(found, str) and (reason := unstorable(found)):
            found = Fault(reason)
        return found, end

    def members(self, at: int, depth: int) -> tuple[Node, int]:
        found: dict[str, Node] = {}
        start, at = at, self.skip(at + 1)
        while self.text[at : at + 1] != "}":
            if found:
                at = self.expect(",", at)
            at = self.one_member(found, at, depth)
        return Node(found, self.line(start)), at + 1

    def one_member(self, found: dict[str, Node], at: int, depth: int) -> int:
        if self.text[at : at + 1] != '"':
            raise self.error(at, "Expecting a key in double quotes")
        key_at = at
        key, at = self.scalar(at)
        at = self.expect(":", self.skip(at))
        member, at = self.value(at, depth + 1)
        if isinstance(key, Fault):
            key, member = f"(key of line {self.line(key_at)})", Node(key, self.line(key_at))
        earlier = found.get(key)
        if earlier is not None:
            self.hidden.append((earlier.line, repeated(key, member.line)))
        found[key] = member
        return self.skip(at)

    def items(self, at: int, depth: int) -> tuple[Node, int]:
        found: list[Node] = []
        start, at = at, self.skip(at + 1)
        while self.text[at : at + 1] != "]":
            if found:
                at = self.expect(",", at)
            item, at = self.value(at, depth + 1)
            found.append(item)
            at = self.skip(at)
        return Node(found, self.line(start)), at + 1

    def expect(self, mark: str, at: int) -> int:
        if self.text[at : at + 1] != mark:
            raise self.error(at, f"Expecting '{mark}'")
        return self.skip(at + 1)

    def skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def line(self, at: int) -> int:
        return bisect_right(self.line_ends, at) + 1

    def error(self, at: int, what: str) -> JsonError:
        line = self.line(min(at, len(self.text) - 1))
        if at >= len(self.text.rstrip(" \t\r\n")) or what.startswith("Unterminated string"):
            return JsonError(line, "is cut off: the text ends before its JSON value is complete")
        before = self.text.rfind("\n", 0, at)
        return JsonError(line, f"is no valid JSON: {what} at column {at - before}")
