"""JSON answers as results. ValueError, TypeError or KeyError for one of another shape."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sharedstate import types

T = TypeVar("T")


def _of(kind: type[T]) -> Callable[[Any], T]:
    """What reads a value of one kind, and refuses others."""

    def read(answer: Any) -> T:
        if isinstance(answer, kind):
            return answer
        raise TypeError(f"{kind.__name__} was expected, not {type(answer).__name__}")

    return read


integer, boolean, text = _of(int), _of(bool), _of(str)
rows: Callable[[Any], Any] = _of(list)
_object: Callable[[Any], Any] = _of(dict)


def row(answer: Any) -> Any:
    """One object, which must be there."""
    return _object(row_or_none(answer))


def row_or_none(answer: Any) -> Any:
    """One object, or None for SQL's null.

    A null composite comes as an object of nulls when its function is called as a table.
    """
    if isinstance(answer, list) and len(answer) <= 1:
        answer = answer[0] if answer else None
    if answer is None:
        return None
    values = _object(answer).values()
    return answer if any(value is not None for value in values) or not values else None


def first_or_none(answer: Any) -> Any:
    """The first row of a table, or None."""
    return next(iter(rows(answer)), None)


def was_row(answer: Any) -> bool:
    """Whether a row came back."""
    return row_or_none(answer) is not None


def lease(answer: Any) -> types.Lease:
    """A lock's row as a lease."""
    found = row(answer)
    return types.Lease(
        resource_type=found["resource_type"],
        resource_name=found["resource_name"],
        agent_name=found["locked_by"],
        execution_id=found["execution_id"],
        fencing_token=integer(found["fencing_token"]),
        expires_at=datetime.fromisoformat(found["expires_at"]),
        request_id=found.get("request_id"),
        provisional=bool(found.get("provisional")),
    )


def leases(answer: Any) -> tuple[types.Lease, ...]:
    """The rows of locks that were acquired, one or several; empty when they were not."""
    if not isinstance(answer, list):
        return () if row_or_none(answer) is None else (lease(answer),)
    return tuple(lease(one) for one in answer if row_or_none(one) is not None)


def lock_wait(answer: Any) -> types.LockWait:
    """How a waiting request stands."""
    found = row(answer)
    if found["state"] not in ("granted", "waiting", "gone"):
        raise ValueError(f"unknown state of a wait: {found['state']!r}")
    return types.LockWait(
        state=found["state"],
        leases=leases(found["leases"] or []),
        position=integer(found["position"]),
        retry_ms=integer(found["retry_ms"]),
        waiting_for=tuple(found["waiting_for"] or ()),
    )
