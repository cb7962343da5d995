"""JSON as Postgres can store it: no number is rounded, and what cannot be stored has a place.

Python's own reader does the work. It would take NaN, drop repeated keys and round long decimals.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

# What the database takes, 200 levels of a document, inside of an export file: six levels deep in it
# where a conflict's history keeps what was reported, conflicts[i].events[j].details.details.
MAX_DEPTH = 206
# The greatest number that a document may hold, 1e308, has as many digits.
MAX_DIGITS = 309

_SURROGATE = re.compile("[\ud800-\udfff]")


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


def parse(data: bytes) -> Any:
    """The value of a JSON text, with a `Fault` for each number that cannot be stored.

    JsonError when it is no JSON in UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
        if not text.strip():
            raise JsonError(1, "is empty")
        return _DECODER.decode(text)
    except UnicodeDecodeError as error:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise JsonError(1, "is UTF-16; save it as UTF-8") from None
        line = data.count(b"\n", 0, error.start) + 1
        raise JsonError(line, f"is not UTF-8 (byte 0x{data[error.start]:02x})") from None
    except json.JSONDecodeError as error:
        reason = f"is no valid JSON: {error.msg} at column {error.colno}"
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            reason = "is cut off: the text ends before its JSON value is complete"
        raise JsonError(error.lineno, reason) from None
    except RecursionError:
        raise JsonError(1, f"is nested more than {MAX_DEPTH} levels deep") from None


def faults(value: Any, pointer: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """(pointer, reason) of everything in a parsed value that cannot be stored."""
    if depth > MAX_DEPTH:
        yield pointer, f"is nested more than {MAX_DEPTH} levels deep"
    elif isinstance(value, Fault):
        yield pointer, value.reason
    elif isinstance(value, str):
        if reason := _unstorable(value):
            yield pointer, reason
    elif isinstance(value, dict):
        for key, member in value.items():
            place = below(pointer, key)
            if reason := _unstorable(key):
                yield place, reason
            else:
                yield from faults(member, place, depth + 1)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from faults(item, f"{pointer}/{number}", depth + 1)


def below(pointer: str, key: str | int) -> str:
    """The JSON pointer of a member, always printable."""
    return f"{pointer}/{printable(str(key).replace('~', '~0').replace('/', '~1'))}"


def printable(text: str) -> str:
    """The text with escapes for what a terminal cannot show."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def encode(value: Any) -> str:
    """JSON text of a value without faults, with Decimals written digit by digit."""
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
    return str(value) if isinstance(value, Decimal) else json.dumps(value, allow_nan=False)


def _unstorable(text: str) -> str | None:
    if "\0" in text:
        return "holds the character NUL, which Postgres cannot store"
    if _SURROGATE.search(text):
        return "holds half of a surrogate pair, which is no character"
    return None


def _decimal(text: str) -> float | Decimal | Fault:
    """A float where that keeps every digit, else a Decimal."""
    rounded = float(text)
    if rounded in (float("inf"), float("-inf")):
        return _out_of_range(text)
    exact = Decimal(text)
    return rounded if Decimal(repr(rounded)) == exact else exact


def _integer(text: str) -> int | Fault:
    return int(text) if len(text.lstrip("-")) <= MAX_DIGITS else _out_of_range(text)


def _out_of_range(text: str) -> Fault:
    shown = text if len(text) <= 24 else f"{text[:20]}..."
    return Fault(f"is {shown}, a number out of range")


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        times = Counter(key for key, _ in members)
        found |= {key: Fault(f"is there {n} times") for key, n in times.items() if n > 1}
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_constant=lambda text: Fault(f"is {text}, which is no JSON number"),
    parse_float=_decimal,
    parse_int=_integer,
)
