"""Arguments to JSON bodies. What JSON cannot carry is refused before anything is sent.

Beside what `json` takes, accepted are: `Decimal` whose value a JSON number written by Python
gives back exactly, `uuid.UUID`, `date`, `datetime` with a time zone, and any `Mapping`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sharedstate._numbers import is_storable
from sharedstate.errors import InvalidArgument, PayloadTooLarge

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_DEPTH = 500


def encode(body: Mapping[str, Any]) -> bytes:
    """The body as compact JSON; InvalidArgument names the place, PayloadTooLarge the size."""
    try:
        text = _ENCODER.encode(body)
        encoded = text.encode()
    except (ValueError, TypeError, RecursionError) as problem:
        raise _explain(body) or InvalidArgument.of("arguments", str(problem)) from problem
    if "\\u0000" in text and (refused := _explain(body)):
        raise refused
    # Refused here is what the gateway would refuse, without sending it first.
    if len(encoded) > MAX_BODY_BYTES:
        raise PayloadTooLarge(detail={"bytes": len(encoded), "limit_bytes": MAX_BODY_BYTES})
    return encoded


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("is a time without a zone; give it one, e.g. datetime.now(timezone.utc)")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"is a {type(value).__name__}, which JSON cannot carry")


def _number(value: Decimal) -> int | float:
    if not value.is_finite():
        raise ValueError("is not a finite number")
    if is_storable(value):
        if value == value.to_integral_value():
            return int(value)
        nearest = float(value)
        # Python writes the shortest digits that give this float back: those must be the value.
        if Decimal(repr(nearest)) == value:
            return nearest
    raise ValueError("is a Decimal with more digits than a JSON number from Python keeps")


_ENCODER = json.JSONEncoder(
    allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain
)


def _explain(body: Mapping[str, Any]) -> InvalidArgument | None:
    """Find the first place that cannot be sent. Slow, so it runs only after encoding failed."""
    open_items: list[tuple[int, Iterator[tuple[str, Any, str]]]] = [(0, iter([("", body, "")]))]
    above: set[int] = set()
    while open_items:
        owner, items = open_items[-1]
        following = next(items, None)
        if following is None:
            open_items.pop()
            above.discard(owner)
            continue
        place, item, reason = following
        if id(item) in above:
            reason = "contains itself"
        elif len(open_items) > MAX_DEPTH:
            reason = f"is nested deeper than {MAX_DEPTH} levels"
        if reason := reason or _reason(item):
            return _refusal(place, reason, item)
        if isinstance(item, Mapping | list | tuple):
            above.add(id(item))
            open_items.append((id(item), _items(place, item)))
    return None


def _items(path: str, value: Any) -> Iterator[tuple[str, Any, str]]:
    """Place, item, and what is wrong with its key."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield f"{path}.{key}" if path else str(key), item, _key_reason(key)
    else:
        for index, item in enumerate(value):
            yield f"{path}[{index}]", item, ""


def _key_reason(key: Any) -> str:
    if not isinstance(key, str | int | float | None):
        return f"has a {type(key).__name__} as its key, which JSON cannot carry"
    reason = _reason(key)
    return f"has a key that {reason}" if reason else ""


def _reason(value: Any) -> str:
    if isinstance(value, str):
        return _text_reason(value)
    if isinstance(value, float):
        return "" if math.isfinite(value) else "is not a finite number"
    if isinstance(value, Mapping | list | tuple) or value is None:
        return ""
    try:
        _ENCODER.encode(value)
    except (ValueError, TypeError, RecursionError) as problem:
        return str(problem)
    return ""


def _text_reason(value: str) -> str:
    if "\x00" in value:
        return "contains the character NUL, which Postgres cannot store"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "contains half of a surrogate pair, which is no text"
    return ""


def _refusal(place: str, reason: str, value: Any) -> InvalidArgument:
    detail: dict[str, Any] = {"argument": place or "arguments", "reason": reason}
    if not isinstance(value, Mapping | list | tuple):
        detail["value"] = _shown(value)
    return InvalidArgument(detail=detail, hint=f"Change {detail['argument']}; nothing was sent.")


def _shown(value: Any) -> str:
    try:
        return repr(value)[:100]
    except ValueError:  # an int with more digits than Python is willing to write
        return f"a {type(value).__name__}"
