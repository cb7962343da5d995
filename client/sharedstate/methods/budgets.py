"""Limits and budgets. methods_async/budgets.py is made from this file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sharedstate import types
from sharedstate.calls import budgets as calls
from sharedstate.drafts import Draft
from sharedstate.http.call import RequestId
from sharedstate.methods.core import CoreMethods
from sharedstate.reservations import BudgetReservation


class BudgetMethods(CoreMethods):
    """What SharedState does about the limits and budgets."""

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
        call = calls.update_global_constraints(
            self.execution_id, constraints, created_by, base_version, request_id
        )
        return self._run(call)

    def get_global_constraints(
        self, version: int | None = None
    ) -> types.GlobalConstraintsRow | None:
        """The latest limits and budgets, or the given version; None when there is none."""
        return self._run(calls.get_global_constraints(self.workspace, version))

    def get_global_constraints_history(
        self, limit: int = 50, before_version: int | None = None
    ) -> list[types.GlobalConstraintsRow]:
        """The versions of the limits, newest first; `before_version`: only older ones."""
        call = calls.get_global_constraints_history(self.workspace, limit, before_version)
        return self._run(call)

    @contextmanager
    def edit_global_constraints(self, created_by: str | None = None) -> Iterator[Draft]:
        """The latest limits and budgets, to be changed in place; otherwise as edit_requirements.

        Example:
            >>> with state.edit_global_constraints("system_architect") as limits:
            ...     limits["budget_allocations"]["skeleton"]["mass_kg"] = 14.5
        """
        row = self._run(calls.get_global_constraints(self.workspace, None))
        draft = Draft.of_constraints(row)
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
        return self._run(calls.diff_global_constraints(from_version, to_version))

    def get_budget_usage(self, subsystem: str | None = None) -> list[types.BudgetUsageRow]:
        """What of each budget is used, held and left; of one subsystem ("reserve", "robot")."""
        return self._run(calls.get_budget_usage(self.workspace, subsystem))

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
        """Move a part of one budget to another; either may be "reserve". The new limits.

        The reason is required: InvalidArgument without one. Without an `agent_name` it is done by
        the token's agent, or else by this execution. `reservation_id`: a reservation of this
        execution that it uses up. Raises OverBudget when it is more than there is or others leave,
        and ReservationLost.

        Example:
            >>> state.transfer_budget("reserve", "actuation", mass_kg=0.5, reason="gearboxes")
        """
        amounts = {"mass_kg": mass_kg, "cost_usd": cost_usd, "power_w": power_w}
        call = calls.transfer_budget(
            self.execution_id, from_subsystem, to_subsystem, amounts, reason, agent_name,
            reservation_id, request_id,
        )  # fmt: skip
        return self._run(call)

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
        """Hold a part of what remains of a budget (or of "reserve") for this execution.

        None when not all of it remains. It lasts `ttl_seconds` (1..86400); with the
        `fencing_token` of a lease (of `locked_subsystem`, by default of `subsystem`) no longer than
        that lease. What this execution then uses or moves of that budget comes off it, what is left
        at the end of a `with` block is released. Raises LeaseLost when that lease has ended.

        Example:
            >>> held = state.reserve_budget("skeleton", "skeleton_agent", mass_kg=2)
            >>> if held:
            ...     state.update_subsystem_status("skeleton", {"current_mass_kg": 14})
        """
        amounts = {"mass_kg": mass_kg, "cost_usd": cost_usd, "power_w": power_w}
        call = calls.reserve_budget(
            self.execution_id, subsystem, agent_name, amounts, ttl_seconds, fencing_token,
            locked_subsystem, request_id,
        )  # fmt: skip
        fields = self._run(call)
        return None if fields is None else BudgetReservation(**fields, _state=self)

    def release_budget(self, reservation_id: str, *, request_id: RequestId = None) -> bool:
        """Give back what a reservation holds; False when it has ended already."""
        return self._run(calls.release_budget(self.execution_id, reservation_id, request_id))
