"""JSON answers to results. Pure. A wrong shape raises UnexpectedAnswer for the transport."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sharedstate import types


class UnexpectedAnswer(Exception):
    """The answer is not of the shape that this call has; never leaves the package."""


def row(answer: Any) -> Any:
    """One object, which must be there."""
    found = row_or_none(answer)
    if found is None:
        raise UnexpectedAnswer("an object was expected, there is none")
    return found


def row_or_none(answer: Any) -> Any:
    """One object, or None for SQL's null."""
    if isinstance(answer, list) and len(answer) <= 1:
        answer = answer[0] if answer else None
    if answer is None:
        return None
    if not isinstance(answer, dict):
        raise UnexpectedAnswer(f"an object was expected, not {type(answer).__name__}")
    # A null composite comes as an object of nulls when the function is called as a table.
    return answer if any(value is not None for value in answer.values()) or not answer else None


def rows(answer: Any) -> Any:
    """A list of objects."""
    if not isinstance(answer, list):
        raise UnexpectedAnswer(f"a list was expected, not {type(answer).__name__}")
    return answer


def first_or_none(answer: Any) -> Any:
    """The first row of a table read, or None."""
    found = rows(answer)
    return found[0] if found else None


def integer(answer: Any) -> int:
    """A whole number."""
    if not isinstance(answer, int):
        raise UnexpectedAnswer(f"a number was expected, not {type(answer).__name__}")
    return answer


def text(answer: Any) -> str:
    """A text."""
    if not isinstance(answer, str):
        raise UnexpectedAnswer(f"a text was expected, not {type(answer).__name__}")
    return answer


def was_row(answer: Any) -> bool:
    """Whether a row came back."""
    return row_or_none(answer) is not None


def activity_page(answer: Any) -> types.ActivityPage:
    """What a follower of the log got."""
    found = row(answer)
    return {
        "entries": rows(found["entries"]),
        "cursor": text(found["cursor"]),
        "more": boolean(found["more"]),
        "retry_ms": integer(found["retry_ms"]),
    }


def conflict_number(answer: Any) -> int:
    """The number of a conflict's row."""
    return integer(row(answer)["conflict_id"])


def lease_or_none(answer: Any) -> types.Lease | None:
    """A lock's row as a lease, or None when it was not acquired."""
    found = row_or_none(answer)
    return None if found is None else _lease(found)


def lease(answer: Any) -> types.Lease:
    """A lock's row as a lease."""
    return _lease(row(answer))


def leases(answer: Any) -> tuple[types.Lease, ...]:
    """The rows of a set of locks; empty when they were not acquired."""
    return tuple(_lease(found) for found in rows(answer))


def lease_list(answer: Any) -> tuple[types.Lease, ...]:
    """The row of one lock as a set; empty when it was not acquired."""
    found = lease_or_none(answer)
    return () if found is None else (found,)


def reservation_or_none(answer: Any) -> dict[str, Any] | None:
    """The fields of a BudgetReservation, or None when there is not enough to hold."""
    found = row_or_none(answer)
    if found is None:
        return None
    names = (
        *("reservation_id", "subsystem", "mass_kg", "cost_usd", "power_w"),
        *("agent_name", "execution_id", "locked_subsystem", "fencing_token"),
    )
    fields = {name: found[name] for name in names}
    return {**fields, "expires_at": datetime.fromisoformat(found["expires_at"])}


def lock_wait(answer: Any) -> types.LockWait:
    """How a waiting request stands."""
    found = row(answer)
    if found["state"] not in ("granted", "waiting", "gone"):
        raise UnexpectedAnswer(f"unknown state of a wait: {found['state']!r}")
    return types.LockWait(
        state=found["state"],
        leases=leases(found["leases"] or []),
        position=integer(found["position"]),
        retry_ms=integer(found["retry_ms"]),
        waiting_for=tuple(found["waiting_for"] or ()),
    )


def lock_status(answer: Any) -> types.LockStatus:
    """Holder and queue of a lock."""
    found = row(answer)
    return types.LockStatus(
        resource_type=found["resource_type"],
        resource_name=found["resource_name"],
        holder=row_or_none(found["holder"]),
        queue=found["queue"] or [],
    )


def boolean(answer: Any) -> bool:
    """True or false."""
    if not isinstance(answer, bool):
        raise UnexpectedAnswer(f"true or false was expected, not {type(answer).__name__}")
    return answer


def unblock_wait(answer: Any) -> types.UnblockWait:
    """How a blocked agent stands."""
    found = row(answer)
    return types.UnblockWait(
        blocked=boolean(found["blocked"]),
        conflicts=rows(found["conflicts"] or []),
        retry_ms=integer(found["retry_ms"]),
    )


def checkout_or_none(answer: Any) -> types.Checkout | types.Blocked | None:
    """A checkout, what blocks the agent, or None when the subsystem is locked by another."""
    found = row_or_none(answer)
    if found is None:
        return None
    if row_or_none(found["lease"]) is None:
        return types.Blocked(rows(found["blocked_by"]))
    return types.Checkout(
        lease=_lease(found["lease"]),
        status=found["status"],
        requirements=row_or_none(found["requirements"]),
        interfaces=row_or_none(found["interfaces"]),
        design=row_or_none(found["design"]),
        constraints=row_or_none(found["constraints"]),
        inputs=found["inputs"] or [],
        input_requirements=found["input_requirements"] or [],
        conflicts=found["conflicts"] or [],
    )


def checkin(answer: Any) -> types.Checkin:
    """What a checkin wrote."""
    found = row(answer)
    return types.Checkin(
        status=found["status"],
        interfaces=row_or_none(found["interfaces"]),
        design=row_or_none(found["design"]),
        released=found["released"],
    )


def _lease(found: dict[str, Any]) -> types.Lease:
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
