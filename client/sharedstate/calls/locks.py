"""Calls about locks; asking for one is in locking/waiting.py."""

from __future__ import annotations

from dataclasses import replace

from sharedstate import readers, types
from sharedstate.calls.arguments import TTL_SECONDS, whole_number
from sharedstate.config import checked_name
from sharedstate.http.call import Call, RequestId, mutation, repeatable, select


def renew_lock(
    execution_id: str,
    resource_type: str,
    resource_name: str,
    fencing_token: int,
    ttl_seconds: int,
    request_id: RequestId,
) -> Call[types.Lease]:
    params = {
        "resource_type": resource_type,
        "resource_name": resource_name,
        "execution_id": execution_id,
        "fencing_token": fencing_token,
        "ttl_seconds": whole_number(ttl_seconds, "ttl_seconds", *TTL_SECONDS),
    }
    return mutation("renew_lock", params, readers.lease, request_id)


def release_lock(
    execution_id: str,
    resource_type: str,
    resource_name: str,
    fencing_token: int | None,
    request_id: RequestId,
) -> Call[bool]:
    params = {
        "resource_type": resource_type,
        "resource_name": resource_name,
        "execution_id": execution_id,
        "fencing_token": fencing_token,
    }
    return mutation("release_lock", params, readers.was_row, request_id)


def force_release_lock(
    resource_type: str, resource_name: str, released_by: str, reason: str, request_id: RequestId
) -> Call[types.LockRow | None]:
    params = {
        "resource_type": resource_type,
        "resource_name": resource_name,
        "released_by": released_by,
        "reason": reason,
    }
    return mutation("force_release_lock", params, readers.row_or_none, request_id)


def wait_for_lock(request_id: str) -> Call[types.LockWait]:
    # The id is that of the request, which may be granted by this: repeated, it answers the same.
    return mutation("wait_for_lock", {}, readers.lock_wait, request_id)


def cancel_lock_request(request_id: str) -> Call[bool]:
    # The id is that of the request, which is ended by this: repeated, it answers the same.
    return mutation("cancel_lock_request", {}, readers.boolean, request_id)


def get_lock_status(resource_type: str, resource_name: str) -> Call[types.LockStatus]:
    params = {"resource_type": resource_type, "resource_name": resource_name}
    return repeatable("get_lock_status", params, readers.lock_status)


def get_lock(workspace: str, resource_type: str, resource_name: str) -> Call[types.LockRow | None]:
    filters = {
        "resource_type": "eq." + checked_name(resource_type, "resource_type"),
        "resource_name": "eq." + checked_name(resource_name, "resource_name"),
        # Postgres reads 'now' as its own clock, the only one that tells whether a lease has ended.
        "expires_at": "gt.now",
    }
    return select("agent_locks", workspace, filters, readers.first_or_none)


def cleanup_expired_locks() -> Call[int]:
    return replace(repeatable("cleanup_expired_locks", {}, readers.integer), changes=True)
