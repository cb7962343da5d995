"""Shared state for agents that work on one design in parallel.

    from sharedstate import SharedState

Importing this package loads next to nothing; each name below loads what it needs when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sharedstate._async.activity import AsyncActivityFeed
    from sharedstate._async.budgets import AsyncBudgetReservation
    from sharedstate._async.client import AsyncSharedState
    from sharedstate._async.lock import AsyncLeaseSet, AsyncLock
    from sharedstate._retry import RetryPolicy
    from sharedstate._sync.activity import ActivityFeed
    from sharedstate._sync.budgets import BudgetReservation
    from sharedstate._sync.client import SharedState
    from sharedstate._sync.lock import LeaseSet, Lock
    from sharedstate.errors import (
        Deadlock,
        LeaseLost,
        OutcomeUnknown,
        OverBudget,
        ResourceLocked,
        SharedStateError,
        StaleVersion,
    )
    from sharedstate.types import Blocked, Checkin, Checkout, Lease

    __version__: str

_HOMES = {
    "ActivityFeed": "sharedstate._sync.activity",
    "AsyncActivityFeed": "sharedstate._async.activity",
    "AsyncBudgetReservation": "sharedstate._async.budgets",
    "AsyncLeaseSet": "sharedstate._async.lock",
    "AsyncLock": "sharedstate._async.lock",
    "AsyncSharedState": "sharedstate._async.client",
    "Blocked": "sharedstate.types",
    "BudgetReservation": "sharedstate._sync.budgets",
    "Checkin": "sharedstate.types",
    "Checkout": "sharedstate.types",
    "Deadlock": "sharedstate.errors",
    "Lease": "sharedstate.types",
    "LeaseSet": "sharedstate._sync.lock",
    "Lock": "sharedstate._sync.lock",
    "LeaseLost": "sharedstate.errors",
    "OutcomeUnknown": "sharedstate.errors",
    "OverBudget": "sharedstate.errors",
    "ResourceLocked": "sharedstate.errors",
    "RetryPolicy": "sharedstate._retry",
    "SharedState": "sharedstate._sync.client",
    "SharedStateError": "sharedstate.errors",
    "StaleVersion": "sharedstate.errors",
}

__all__ = [
    "ActivityFeed",
    "AsyncActivityFeed",
    "AsyncBudgetReservation",
    "AsyncLeaseSet",
    "AsyncLock",
    "AsyncSharedState",
    "Blocked",
    "BudgetReservation",
    "Checkin",
    "Checkout",
    "Deadlock",
    "Lease",
    "LeaseLost",
    "LeaseSet",
    "Lock",
    "OutcomeUnknown",
    "OverBudget",
    "ResourceLocked",
    "RetryPolicy",
    "SharedState",
    "SharedStateError",
    "StaleVersion",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("sharedstate")
    if name == "errors":
        return importlib.import_module("sharedstate.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'sharedstate' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__", "errors"})
