"""Shared state for agents that work on one design in parallel.

    from sharedstate import SharedState

Importing this package loads next to nothing; each name below loads what it needs when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sharedstate.aio import AsyncSharedState
    from sharedstate.client import SharedState
    from sharedstate.errors import (
        Deadlock,
        LeaseLost,
        OutcomeUnknown,
        OverBudget,
        ResourceLocked,
        SharedStateError,
        StaleVersion,
    )
    from sharedstate.http.retry import RetryPolicy
    from sharedstate.types import Blocked, Checkin, Checkout, Lease

    __version__: str

_HOMES = {
    "AsyncSharedState": "sharedstate.aio",
    "Blocked": "sharedstate.types",
    "Checkin": "sharedstate.types",
    "Checkout": "sharedstate.types",
    "Deadlock": "sharedstate.errors",
    "Lease": "sharedstate.types",
    "LeaseLost": "sharedstate.errors",
    "OutcomeUnknown": "sharedstate.errors",
    "OverBudget": "sharedstate.errors",
    "ResourceLocked": "sharedstate.errors",
    "RetryPolicy": "sharedstate.http.retry",
    "SharedState": "sharedstate.client",
    "SharedStateError": "sharedstate.errors",
    "StaleVersion": "sharedstate.errors",
}

__all__ = [
    "AsyncSharedState",
    "Blocked",
    "Checkin",
    "Checkout",
    "Deadlock",
    "Lease",
    "LeaseLost",
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
