"""MADE FROM reservations.py by scripts/build_async.py: change that file, run the script."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from sharedstate.methods_async.budgets import AsyncBudgetMethods


@dataclass(frozen=True, slots=True)
class AsyncBudgetReservation:
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
    _state: AsyncBudgetMethods = field(repr=False, compare=False)
    _pid: int = field(default_factory=os.getpid, init=False, repr=False, compare=False)

    async def release(self) -> bool:
        """Give back what is left of it; False when it had ended already, or in a forked child."""
        if self._pid != os.getpid():
            return False
        return await self._state.release_budget(self.reservation_id)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.release()
