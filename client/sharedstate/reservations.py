"""Budget that is held. reservations_async.py is made from this file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from sharedstate.methods.budgets import BudgetMethods


@dataclass(frozen=True, slots=True)
class BudgetReservation:
    """Amounts of a budget that are held for this execution. Made by `state.reserve_budget`.

    The amounts are those that were asked for; what the execution uses or moves since comes off
    them, in the database. It ends at `expires_at` (the database's clock), by `release`, at the end
    of a `with` block, and with the lease of `locked_subsystem` if it was bound to that. In a forked
    child it is the parent's, and no end of a block releases it.
    """

    reservation_id: str
    subsystem: str
    mass_kg: float
    cost_usd: float
    power_w: float
    agent_name: str
    execution_id: str
    expires_at: datetime
    locked_subsystem: str | None
    fencing_token: int | None
    _state: BudgetMethods = field(repr=False, compare=False)
    _pid: int = field(default_factory=os.getpid, init=False, repr=False, compare=False)

    def release(self) -> bool:
        """Give back what is left of it; False when it had ended already, or in a forked child."""
        if self._pid != os.getpid():
            return False
        return self._state.release_budget(self.reservation_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()
