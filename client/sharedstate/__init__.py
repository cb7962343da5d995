"""Shared state for agents that work on one design in parallel.

    from sharedstate import SharedState

Importing this package loads next to nothing; a client loads what it needs when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sharedstate import errors as errors
from sharedstate.errors import Deadlock as Deadlock
from sharedstate.errors import LeaseLost as LeaseLost
from sharedstate.errors import OutcomeUnknown as OutcomeUnknown
from sharedstate.errors import OverBudget as OverBudget
from sharedstate.errors import ResourceLocked as ResourceLocked
from sharedstate.errors import SharedStateError as SharedStateError
from sharedstate.errors import StaleVersion as StaleVersion

if TYPE_CHECKING:
    from sharedstate._async.activity import AsyncActivityFeed as AsyncActivityFeed
    from sharedstate._async.budgets import AsyncBudgetReservation as AsyncBudgetReservation
    from sharedstate._async.client import AsyncSharedState as AsyncSharedState
    from sharedstate._async.lock import AsyncLeaseSet as AsyncLeaseSet
    from sharedstate._async.lock import AsyncLock as AsyncLock
    from sharedstate._retry import RetryPolicy as RetryPolicy
    from sharedstate._sync.activity import ActivityFeed as ActivityFeed
    from sharedstate._sync.budgets import BudgetReservation as BudgetReservation
    from sharedstate._sync.client import SharedState as SharedState
    from sharedstate._sync.lock import LeaseSet as LeaseSet
    from sharedstate._sync.lock import Lock as Lock
    from sharedstate.types import Blocked as Blocked
    from sharedstate.types import Checkin as Checkin
    from sharedstate.types import Checkout as Checkout
    from sharedstate.types import Lease as Lease

    __version__: str

_HOMES = {
    "ActivityFeed": "_sync.activity",
    "BudgetReservation": "_sync.budgets",
    "LeaseSet": "_sync.lock",
    "Lock": "_sync.lock",
    "SharedState": "_sync.client",
}
_HOMES |= {f"Async{name}": home.replace("_sync", "_async") for name, home in _HOMES.items()}
_HOMES["RetryPolicy"] = "_retry"
_HOMES |= dict.fromkeys(("Blocked", "Checkin", "Checkout", "Lease"), "types")
_EAGER = [
    name
    for name, value in globals().items()
    if getattr(value, "__module__", "") == "sharedstate.errors"
]
__all__ = sorted([*_HOMES, *_EAGER])  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("sharedstate")
    if name not in _HOMES:
        raise AttributeError(f"module 'sharedstate' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"sharedstate.{_HOMES[name]}"), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
