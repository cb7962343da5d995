"""MADE FROM methods/steps.py by scripts/build_async.py: change that file, run the script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sharedstate import types
from sharedstate.calls import steps as calls
from sharedstate.http.call import RequestId
from sharedstate.methods_async.core import AsyncCoreMethods


class AsyncStepMethods(AsyncCoreMethods):
    """What AsyncSharedState does in one round trip."""

    async def checkout_subsystem(
        self,
        subsystem: str,
        agent_name: str,
        ttl_seconds: int = 300,
        *,
        reads: Iterable[str] = (),
        reads_requirements: Iterable[str] = (),
        request_id: RequestId = None,
    ) -> types.Checkout | types.Blocked | None:
        """AsyncLock a subsystem and read all that its agent needs; None when it is locked.

        While a critical conflict blocks the agent nothing is taken, and the answer is a Blocked,
        which is false and has the `conflicts`: `if checkout:` is right for all three.

        `reads`: other subsystems whose interfaces are wanted, `reads_requirements`: whose
        requirements. The subsystem depends on what it saw of them: once they publish anew it is
        stale, until it is checked out with the same `reads` and checked in. The lease lasts
        `ttl_seconds` (1..86400). End it with checkin_subsystem.

        Example:
            >>> checkout = await state.checkout_subsystem("actuation", "actuation_agent",
            ...     reads=["skeleton"])
            >>> if checkout:
            ...     print(checkout.constraints["voltage_v"], checkout.inputs)
        """
        call = calls.checkout_subsystem(
            self.execution_id, subsystem, agent_name, ttl_seconds, reads, reads_requirements,
            request_id,
        )  # fmt: skip
        return self._leases.note_checkout(await self._run(call))

    async def checkin_subsystem(
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
            >>> await state.checkin_subsystem("actuation", "actuation_agent",
            ...     {"state": "complete", "current_mass_kg": 9.5, "current_power_w": 750},
            ...     design_data={"motors": 28}, activity="design_complete")
        """
        token = self._leases.needed("subsystem", subsystem, fencing_token)
        call = calls.checkin_subsystem(
            self.execution_id, subsystem, agent_name, token, status, interfaces, design_data,
            activity, details, release, accept_stale, strict, request_id,
        )  # fmt: skip
        written = await self._run(call)
        if release:
            self._leases.forget("subsystem", subsystem, token)
        return written
