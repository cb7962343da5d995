"""Limits, budgets and reservations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from sharedstate import types
from sharedstate._arguments import RequestId
from sharedstate._rows import row, row_or_none, rows, was_row
from sharedstate._sync.base import Methods
from sharedstate.config import checked_name
from sharedstate.drafts import Draft


class BudgetMethods(Methods):
    """What a client does about the limits and budgets."""

    def update_global_constraints(
        self,
        constraints: Mapping[str, Any],
        created_by: str,
        *,
        base_version: int | None = None,
        request_id: RequestId = None,
    ) -> types.GlobalConstraintsRow:
        """Write a new version of the limits; absent keys keep their value.

        `budget_allocations` is replaced whole. `base_version` is the version you started from, 0
        for "there was none": what others published since is merged with it. Raises StaleVersion
        where both changed the same part, and OverBudget when the allocations exceed the totals.
        """
        params = {
            "constraints": constraints,
            "created_by": created_by,
            "base_version": base_version,
        }
        return self._change("update_global_constraints", params, row, request_id)

    def get_global_constraints(
        self, version: int | None = None
    ) -> types.GlobalConstraintsRow | None:
        """The latest limits and budgets, or the given version; None when there is none."""
        return self._one_version(self._rows("global_constraints"), version)

    def get_global_constraints_history(
        self, limit: int = 50, before_version: int | None = None
    ) -> list[types.GlobalConstraintsRow]:
        """The versions of the limits, newest first; `before_version`: only older ones."""
        query = self._rows("global_constraints")
        return self._versions(query, limit, before_version)

    @contextmanager
    def edit_global_constraints(self, created_by: str | None = None) -> Iterator[Draft]:
        """The latest limits and budgets, to be changed in place; otherwise as edit_requirements.

        Example:
            >>> with state.edit_global_constraints("system_architect") as limits:
            ...     limits["budget_allocations"]["skeleton"]["mass_kg"] = 14.5
        """
        draft = Draft.of_constraints(self.get_global_constraints())
        yield draft
        if draft.is_changed:
            draft.row = self.update_global_constraints(
                draft.patch, self._author(created_by), base_version=draft.base_version
            )

    def diff_global_constraints(
        self, from_version: int, to_version: int
    ) -> list[types.DocumentChange]:
        """What differs between two versions of the limits; version 0 is before the first.

        Raises UnknownVersion.
        """
        params = {"from_version": from_version, "to_version": to_version}
        return self._rpc("diff_global_constraints", params, rows)

    def get_budget_usage(self, subsystem: str | None = None) -> list[types.BudgetUsageRow]:
        """What is used, held and left of each budget, or of one ("reserve" and "robot" too)."""
        query = self._rows("budget_usage").order("scope").order("name").order("quantity")
        if subsystem is not None:
            query = query.eq("name", checked_name(subsystem, "subsystem"))
        return self._read(query, rows)

    def transfer_budget(
        self,
        from_subsystem: str,
        to_subsystem: str,
        mass_kg: float = 0,
        cost_usd: float = 0,
        power_w: float = 0,
        reason: str = "",
        agent_name: str | None = None,
        *,
        reservation_id: str | None = None,
        request_id: RequestId = None,
    ) -> types.GlobalConstraintsRow:
        """Move a part of one budget to another; either may be "reserve". Returns the new limits.

        The reason is required: InvalidArgument without one. Without an `agent_name` it is done by
        the token's agent, or else by this execution. `reservation_id`: a reservation of this
        execution that it uses up. Raises OverBudget when it is more than there is or others leave,
        and ReservationLost.

        Example:
            >>> state.transfer_budget("reserve", "actuation", mass_kg=0.5, reason="gearboxes")
        """
        params = {
            "from_subsystem": from_subsystem,
            "to_subsystem": to_subsystem,
            "mass_kg": mass_kg,
            "cost_usd": cost_usd,
            "power_w": power_w,
            "reason": reason,
            "agent_name": agent_name,
            "reservation_id": reservation_id,
        }
        return self._change("transfer_budget", params, row, request_id)

    def reserve_budget(
        self,
        subsystem: str,
        agent_name: str,
        *,
        mass_kg: float = 0,
        cost_usd: float = 0,
        power_w: float = 0,
        ttl_seconds: int = 300,
        fencing_token: int | None = None,
        locked_subsystem: str | None = None,
        request_id: RequestId = None,
    ) -> BudgetReservation | None:
        """Reserve a part of what remains of a budget (or of "reserve") for this execution.

        None when not all of it remains. It lasts `ttl_seconds` (1..86400); with the
        `fencing_token` of a lease (of `locked_subsystem`, by default of `subsystem`) no longer than
        that lease. What this execution then uses or moves of that budget comes off it, what is left
        at the end of a `with` block is released. Raises LeaseLost when that lease has ended.

        Example:
            >>> held = state.reserve_budget("skeleton", "skeleton_agent", mass_kg=2)
            >>> if held:
            ...     state.update_subsystem_status("skeleton", {"current_mass_kg": 14})
        """
        params = {
            "subsystem": subsystem,
            "agent_name": agent_name,
            "mass_kg": mass_kg,
            "cost_usd": cost_usd,
            "power_w": power_w,
            "ttl_seconds": ttl_seconds,
            "fencing_token": fencing_token,
            "locked_subsystem": locked_subsystem,
        }
        return self._change("reserve_budget", params, self._reservation_or_none, request_id)

    def release_budget(self, reservation_id: str, *, request_id: RequestId = None) -> bool:
        """End a reservation; False if it had ended before."""
        params = {"reservation_id": reservation_id}
        return self._change("release_budget", params, was_row, request_id)

    def _reservation_or_none(self, answer: Any) -> BudgetReservation | None:
        found = row_or_none(answer)
        if found is None:
            return None
        names = (one.name for one in fields(BudgetReservation) if one.name != "_state")
        values = {name: found[name] for name in names}
        values["expires_at"] = datetime.fromisoformat(found["expires_at"])
        return BudgetReservation(**values, _state=self)


@dataclass(frozen=True, slots=True)
class BudgetReservation:
    """Amounts of a budget that are held for this execution. Made by `state.reserve_budget`.

    The amounts are those that were asked for; what the execution uses or moves since comes off
    them, in the database. It ends at `expires_at` (the database's clock), by `release`, at the end
    of a `with` block, and with the lease of `locked_subsystem` if it was bound to that.
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

    def release(self) -> bool:
        """End the reservation; False if it had ended before."""
        return self._state.release_budget(self.reservation_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
