"""Arguments of methods, checked where the database would not see what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from sharedstate.errors import InvalidArgument

MAX_ROWS = 10_000
MAX_BIGINT = 2**63 - 1
MAX_VERSION = 2**31 - 1
TTL_SECONDS = (1, 86400)
PRIORITIES = (1, 4)


def object_of(value: Any, argument: str) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return cast(dict[str, Any], value) if isinstance(value, dict) else dict(value)
    raise InvalidArgument.of(
        argument, "is no JSON object", value=value, hint=f"Pass {argument} as a dict."
    )


def object_or_empty(value: Any, argument: str) -> dict[str, Any]:
    # By None alone: other things that are false are no objects, and may be a mistake.
    return {} if value is None else object_of(value, argument)


def names_of(value: Any, argument: str) -> list[str]:
    # A single string is iterable too, and would be taken for a list of letters.
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return list(value)
    hint = f'Pass {argument} as a list, e.g. ["skeleton"].'
    raise InvalidArgument.of(argument, "is no list of names", value=value, hint=hint)


def objects_of(value: Any, argument: str) -> list[dict[str, Any]]:
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return [object_of(one, f"{argument}.{place}") for place, one in enumerate(value)]
    raise InvalidArgument.of(
        argument, "is no list of objects", value=value, hint=f"Pass {argument} as a list of dicts."
    )


def time_of(value: Any, argument: str) -> datetime | str:
    # A time without a zone would be read as one in the database's zone.
    try:
        time = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    except ValueError:
        time = None
    if isinstance(time, datetime) and time.tzinfo is not None:
        return cast("datetime | str", value)
    hint = f"Pass {argument} as ISO 8601 text or, for example, datetime.now(timezone.utc)."
    raise InvalidArgument.of(argument, "is no time with a zone", value=value, hint=hint)


def seconds_of(
    value: Any, argument: str, least: float = 0.0, most: float = math.inf, hint: str = ""
) -> float:
    # No infinity: who means "for ever" says so by None. NaN is at least nothing.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and least <= value <= most and value < math.inf:
        return float(value)
    limits = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
    raise InvalidArgument.of(argument, f"is no number of seconds {limits}", value=value, hint=hint)


def version_filter(version: int | None) -> dict[str, str]:
    if version is None:
        return {"order": "version.desc", "limit": "1"}
    return {"version": f"eq.{whole_number(version, 'version', 1, MAX_VERSION)}"}


def newest_filter(limit: int, before_version: int | None = None) -> dict[str, str]:
    newest = {"order": "version.desc", "limit": limit_filter(limit)}
    if before_version is not None:
        newest["version"] = f"lt.{whole_number(before_version, 'before_version', 1, MAX_VERSION)}"
    return newest


def limit_filter(limit: int) -> str:
    return str(whole_number(limit, "limit", 1, MAX_ROWS))


def whole_number(value: Any, argument: str, least: int, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    reason = f"is no whole number from {least} to {most}"
    raise InvalidArgument.of(argument, reason, value=value)
