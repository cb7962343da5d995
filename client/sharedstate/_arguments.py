"""Arguments that are checked before they are sent: what PostgREST would not name, or not notice.

Everything else is the database's to refuse.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sharedstate.config import NAME_HINT
from sharedstate.errors import InvalidArgument

RequestId = str | UUID | None
MAX_ROWS = 10_000


def checked(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a function as they are sent. InvalidArgument names the argument and why."""
    return {
        name: _RULES[name](value, name) if name in _RULES else value
        for name, value in params.items()
    }


def request_id_of(value: Any, argument: str = "request_id") -> str:
    """An idempotency key as text; a fresh one for None."""
    try:
        return str(uuid4()) if value is None else str(UUID(str(value)))
    except ValueError as problem:
        raise InvalidArgument.of(argument, "is no uuid", value=value) from problem


def seconds_of(
    value: Any, argument: str, least: float = 0.0, most: float = math.inf, hint: str = ""
) -> float:
    """A finite number of seconds; "for ever" is None."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and least <= value <= most and value < math.inf:
        return float(value)
    limits = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
    raise InvalidArgument.of(argument, f"is no number of seconds {limits}", value=value, hint=hint)


def pause_of(retry_ms: int) -> float:
    """Seconds until a waiter that was told `retry_ms` polls again.

    Not before, and up to a fifth later, by chance: those who wait must not ask all at once.
    """
    return retry_ms / 1000 * random.uniform(1.0, 1.2)


def whole(value: Any, argument: str, least: int, most: int) -> int:
    """A number that the client itself calculates with."""
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    reason = f"is no whole number from {least} to {most}"
    raise InvalidArgument.of(argument, reason, value=value)


def limit_of(value: Any) -> int:
    """How many rows are asked for."""
    return whole(value, "limit", 1, MAX_ROWS)


def pairs_of(value: Any) -> list[dict[str, str]]:
    """Pairs of resource type and name as the database takes them."""
    try:
        return [{"resource_type": kind, "resource_name": name} for kind, name in value]
    except (TypeError, ValueError) as problem:
        hint = 'Pass resources as [("subsystem", "skeleton"), ("subsystem", "power")].'
        raise InvalidArgument.of("resources", "is no list of pairs", hint=hint) from problem


def encodable(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that supabase-py could not encode: a Decimal as the number that it is.

    InvalidArgument says what is no JSON, and where a value is of a wrong kind, its place.
    """
    try:
        plain = {name: _plain(value, name) for name, value in params.items()}
        json.dumps(plain, default=str, ensure_ascii=False).encode()
    except RecursionError as problem:
        reason = "contain themselves, or are nested too deeply"
        raise InvalidArgument.of("arguments", reason) from problem
    except InvalidArgument:
        raise
    except (TypeError, ValueError) as problem:  # a key, a number, or half of a surrogate pair
        raise InvalidArgument.of("arguments", f"cannot be encoded ({problem})") from problem
    return plain


def _plain(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one, f"{place}.{key}") for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one, f"{place}[{index}]") for index, one in enumerate(value)]
    if isinstance(value, Decimal | float) and not Decimal(value).is_finite():
        raise InvalidArgument.of(place, "is not a finite number", value=value)
    if isinstance(value, Decimal):
        return _number(value, place)
    # What else supabase-py encodes.
    if isinstance(value, str | int | float | date | time | UUID | bytes | None):
        return value
    kind = type(value).__name__
    raise InvalidArgument.of(place, f"is a {kind}, which JSON cannot carry", value=value)


def _number(value: Decimal, place: str) -> int | float:
    nearest = int(value) if value.adjusted() < 300 and value == int(value) else float(value)
    # Python writes the shortest digits that give a float back: those must be the value.
    if Decimal(repr(nearest)) != value:
        reason = "has more digits than a JSON number from Python keeps"
        raise InvalidArgument.of(place, reason, value=value)
    return nearest


def _list(value: Any, argument: str) -> list[Any] | None:
    if value is None:
        return None
    # A string is iterable, too: it would be sent as a list of letters.
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return list(value)
    of = "objects" if argument == "entries" else "names"
    hint = f"Pass {argument} as a list of {of}."
    raise InvalidArgument.of(argument, f"is no list of {of}", value=value, hint=hint)


def _time(value: Any, argument: str) -> Any:
    # A time without a zone would be read as one in the database's zone.
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return value
    hint = f"Pass {argument} as ISO 8601 text or, for example, datetime.now(timezone.utc)."
    raise InvalidArgument.of(argument, "is no time with a zone", value=value, hint=hint)


def _text(value: Any, argument: str) -> Any:
    # PostgREST would make text of a list or an object, and that would be a name as well.
    if isinstance(value, str | None):
        return value
    raise InvalidArgument.of(argument, "is no text", value=value, hint=NAME_HINT)


# By the name of the parameter, which means the same in every function.
_RULES: dict[str, Callable[[Any, str], Any]] = {
    "request_id": request_id_of,
    **dict.fromkeys(("since", "until", "older_than"), _time),
    **dict.fromkeys(("blocks", "reads", "reads_requirements", "entries"), _list),
    **dict.fromkeys(
        (
            *("resource_type", "resource_name", "agent_name", "execution_id", "workspace_name"),
            *("subsystem", "on_subsystem", "locked_subsystem", "from_subsystem", "to_subsystem"),
            *("source", "target", "target_agent", "created_by", "resolved_by", "released_by"),
        ),
        _text,
    ),
}  # fmt: skip
