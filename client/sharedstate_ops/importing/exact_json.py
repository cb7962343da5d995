"""JSON as Postgres can store it, with every digit of its numbers, by Python's own reader."""

from __future__ import annotations

import codecs
import json
import re
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

# What the database takes, 200 levels of a document, inside of an export file: six levels deep in it
# where a conflict's history keeps what was reported, conflicts[i].events[j].details.details.
MAX_DEPTH = 206
_TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep"
_SURROGATE = re.compile("[\ud800-\udfff]")
# Python reads no integer of over 4,300 digits.
_LONG = 1_000


class JsonError(ValueError):
    """The text is no JSON that can be stored: `reason`, and the `line` from 1 where it is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def parse(data: bytes) -> Any:
    """The value of a JSON text; JsonError when it is none in UTF-8, or cannot be stored."""
    try:
        text = data.decode("utf-8-sig")
        if not text.strip():
            raise JsonError("is empty", 1)
        value = _DECODER.decode(text)
        _require_storable(value)
        return value
    except UnicodeDecodeError as error:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise JsonError("is UTF-16; save it as UTF-8", 1) from None
        line = data.count(b"\n", 0, error.start) + 1
        raise JsonError(f"is not UTF-8 (byte 0x{data[error.start]:02x})", line) from None
    except json.JSONDecodeError as error:
        reason = f"is no valid JSON: {error.msg} at column {error.colno}"
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            reason = "is cut off: the text ends before its JSON value is complete"
        raise JsonError(reason, error.lineno) from None
    except RecursionError:
        raise JsonError(_TOO_DEEP) from None


def _require_storable(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise JsonError(_TOO_DEEP)
    if isinstance(value, str):
        if "\0" in value:
            raise JsonError("holds the character NUL, which Postgres cannot store")
        if _SURROGATE.search(value):
            raise JsonError("holds half of a surrogate pair, which is no character")
    elif isinstance(value, dict):
        for key, member in value.items():
            _require_storable(key)
            _require_storable(member, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _require_storable(item, depth + 1)


def encode(value: Any) -> str:
    """JSON text of a value, with Decimals written digit by digit."""
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


def _decimal(text: str) -> float | Decimal:
    """A float where that keeps every digit, else a Decimal."""
    exact = Decimal(text)
    return float(text) if Decimal(repr(float(text))) == exact else exact


def _constant(text: str) -> Any:
    raise JsonError(f"holds {text}, which is no JSON number")


_DECODER = json.JSONDecoder(
    parse_constant=_constant,
    parse_float=_decimal,
    parse_int=lambda text: int(text) if len(text) < _LONG else Decimal(text),
)
