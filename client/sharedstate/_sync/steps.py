"""Whole steps of an agent in one round trip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sharedstate import types
from sharedstate._arguments import RequestId
from sharedstate._rows import lease, row, row_or_none, rows
from sharedstate._sync.base import Methods


class StepMethods(Methods):
    """What a client does in one round trip."""

    def checkout_subsystem(
        self,
        subsystem: str,
        agent_name: str,
        ttl_seconds: int = 300,
        *,
        reads: Iterable[str] = (),
        reads_requirements: Iterable[str] = (),
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> types.Checkout | types.Blocked | None:
        """Lock a subsystem and read all that its agent needs; None when it is locked.

        While a critical conflict blocks the agent nothing is taken, and the answer is a Blocked,
        which is false and has the `conflicts`: `if checkout:` is right for all three.

        `reads`: other subsystems whose interfaces are wanted, `reads_requirements`: whose
        requirements. The subsystem depends on what it saw of them: once they publish anew it is
        stale, until it is checked out with the same `reads` and checked in. The lease lasts
        `ttl_seconds` (1..86400). End it with checkin_subsystem.

        `fencing_token`: of a lease that this execution holds, as after waiting for it. It is
        renewed, and all is read under it. Raises LeaseLost when it has ended.

        Example:
            >>> checkout = state.checkout_subsystem("actuation", "actuation_agent",
            ...     reads=["skeleton"])
            >>> if checkout:
            ...     print(checkout.constraints["voltage_v"], checkout.inputs)
        """
        params = {
            "subsystem": subsystem,
            "agent_name": agent_name,
            "ttl_seconds": ttl_seconds,
            "reads": reads,
            "reads_requirements": reads_requirements,
            "fencing_token": fencing_token,
        }
        checkout = self._change("checkout_subsystem", params, _checkout_or_none, request_id)
        if checkout:
            self._tokens.note(checkout.lease)
        return checkout

    def checkin_subsystem(
        self,
        subsystem: str,
        agent_name: str,
        status: Mapping[str, Any] | None = None,
        *,
        interfaces: Mapping[str, Any] | None = None,
        design_data: Mapping[str, Any] | None = None,
        activity: str | None = None,
        details: Mapping[str, Any] | None = None,
        release: bool = True,
        accept_stale: str | None = None,
        strict: bool = False,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> types.Checkin:
        """Write status and documents, log and release, all or nothing.

        Complete, or with a document, it says that the work was made from what the checkout read.
        Raises LeaseLost, and StaleInputs when the subsystem is complete but what it was made from
        has changed since; `accept_stale` is the reason for which that is all right. `strict` as in
        update_subsystem_status, which also names the keys of `status`. With `release=False` the
        lease stays.

        Example:
            >>> state.checkin_subsystem("actuation", "actuation_agent",
            ...     {"state": "complete", "current_mass_kg": 9.5, "current_power_w": 750},
            ...     design_data={"motors": 28}, activity="design_complete")
        """
        token = self._tokens.needed("subsystem", subsystem, fencing_token)
        params = {
            "subsystem": subsystem,
            "agent_name": agent_name,
            "fencing_token": token,
            "status": {} if status is None else status,
            "interfaces": interfaces,
            "design_data": design_data,
            "activity": activity,
            "details": {} if details is None else details,
            "release": release,
            "accept_stale": accept_stale,
            "strict": strict,
        }
        written = self._change("checkin_subsystem", params, _checkin, request_id)
        if release:
            self._tokens.forget("subsystem", subsystem, token)
        return written


def _checkout_or_none(answer: Any) -> types.Checkout | types.Blocked | None:
    found = row_or_none(answer)
    if found is None:
        return None
    if row_or_none(found["lease"]) is None:
        return types.Blocked(rows(found["blocked_by"]))
    return types.Checkout(
        lease=lease(found["lease"]),
        status=found["status"],
        requirements=row_or_none(found["requirements"]),
        interfaces=row_or_none(found["interfaces"]),
        design=row_or_none(found["design"]),
        constraints=row_or_none(found["constraints"]),
        inputs=found["inputs"] or [],
        input_requirements=found["input_requirements"] or [],
        conflicts=found["conflicts"] or [],
    )


def _checkin(answer: Any) -> types.Checkin:
    found = row(answer)
    return types.Checkin(
        status=found["status"],
        interfaces=row_or_none(found["interfaces"]),
        design=row_or_none(found["design"]),
        released=found["released"],
    )
