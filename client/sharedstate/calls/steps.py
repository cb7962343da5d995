"""Calls that do a whole step of an agent in one round trip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sharedstate import readers, types
from sharedstate.calls.arguments import (
    TTL_SECONDS,
    names_of,
    object_of,
    object_or_empty,
    whole_number,
)
from sharedstate.http.call import Call, RequestId, mutation


def checkout_subsystem(
    execution_id: str,
    subsystem: str,
    agent_name: str,
    ttl_seconds: int,
    reads: Iterable[str],
    reads_requirements: Iterable[str],
    request_id: RequestId,
) -> Call[types.Checkout | types.Blocked | None]:
    params = {
        "subsystem": subsystem,
        "agent_name": agent_name,
        "execution_id": execution_id,
        "ttl_seconds": whole_number(ttl_seconds, "ttl_seconds", *TTL_SECONDS),
        "reads": names_of(reads, "reads"),
        "reads_requirements": names_of(reads_requirements, "reads_requirements"),
    }
    return mutation("checkout_subsystem", params, readers.checkout_or_none, request_id)


def checkin_subsystem(
    execution_id: str,
    subsystem: str,
    agent_name: str,
    fencing_token: int,
    status: Mapping[str, Any] | None,
    interfaces: Mapping[str, Any] | None,
    design_data: Mapping[str, Any] | None,
    activity: str | None,
    details: Mapping[str, Any] | None,
    release: bool,
    accept_stale: str | None,
    strict: bool,
    request_id: RequestId,
) -> Call[types.Checkin]:
    params = {
        "subsystem": subsystem,
        "agent_name": agent_name,
        "execution_id": execution_id,
        "fencing_token": fencing_token,
        "status": object_or_empty(status, "status"),
        "interfaces": None if interfaces is None else object_of(interfaces, "interfaces"),
        "design_data": None if design_data is None else object_of(design_data, "design_data"),
        "activity": activity,
        "details": object_or_empty(details, "details"),
        "release": release,
        "accept_stale": accept_stale,
        "strict": strict,
    }
    return mutation("checkin_subsystem", params, readers.checkin, request_id)
