"""Rows as the database returns them (plain dicts), and the few objects made from them.

Times in rows are ISO 8601 text with a zone, as JSON carries them. Units are in the names.
"""

from __future__ import annotations

from sharedstate.types.activity import ActivityPage, ActivityRow
from sharedstate.types.budgets import BudgetUsageRow, GlobalConstraintsRow, ReservationRow
from sharedstate.types.conflicts import (
    BudgetTransfer,
    ConflictEventRow,
    ConflictRow,
    UnblockWait,
)
from sharedstate.types.documents import (
    DependencyRow,
    DesignRow,
    DocumentChange,
    InterfacesRow,
    RequirementsRow,
)
from sharedstate.types.locks import Lease, LockQueueRow, LockRow, LockStatus, LockWait
from sharedstate.types.operations import Health, WorkspaceRow, WorkspaceSummary
from sharedstate.types.status import StaleInput, SubsystemRow, SystemStatusRow
from sharedstate.types.steps import Blocked, Checkin, Checkout

__all__ = [
    "ActivityPage",
    "ActivityRow",
    "Blocked",
    "BudgetTransfer",
    "BudgetUsageRow",
    "Checkin",
    "Checkout",
    "ConflictEventRow",
    "ConflictRow",
    "DependencyRow",
    "DesignRow",
    "DocumentChange",
    "GlobalConstraintsRow",
    "Health",
    "InterfacesRow",
    "Lease",
    "LockQueueRow",
    "LockRow",
    "LockStatus",
    "LockWait",
    "RequirementsRow",
    "ReservationRow",
    "StaleInput",
    "SubsystemRow",
    "SystemStatusRow",
    "UnblockWait",
    "WorkspaceRow",
    "WorkspaceSummary",
]
