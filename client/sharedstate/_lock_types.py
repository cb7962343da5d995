"""Locks, leases and places in line. Users find them in `sharedstate.types`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict


class LockRow(TypedDict):
    """Row of `agent_locks`."""

    workspace: str
    resource_type: str
    resource_name: str
    locked_by: str
    execution_id: str
    locked_at: str
    expires_at: str
    fencing_token: int
    ttl_seconds: int
    request_id: str | None
    provisional: bool


class LockQueueRow(TypedDict):
    """Row of the view `lock_queue`: one who waits for a lock."""

    workspace: str
    resource_type: str
    resource_name: str
    position: int
    agent_name: str
    execution_id: str
    priority: int
    waiting_since: str
    gives_up_at: str
    request_id: str


class LockStatus(TypedDict):
    """What `get_lock_status` answers: who holds a lock, and who waits for it, in order."""

    resource_type: str
    resource_name: str
    holder: LockRow | None
    queue: list[LockQueueRow]


@dataclass(frozen=True, slots=True)
class Lease:
    """A granted lock. It is yours until `expires_at` (the database's clock), unless renewed."""

    resource_type: str
    resource_name: str
    agent_name: str
    execution_id: str
    fencing_token: int
    expires_at: datetime
    request_id: str | None = None
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class LockWait:
    """How a request that waits for locks stands.

    `state`: granted (`leases` are yours for a few seconds: renew them), waiting (ask again after
    `retry_ms`: who is silent for three times that and 3 s more loses its turn) or gone (no such
    request waits any more, or one of its locks has ended: cancel it). `waiting_for` names the
    agents that hold what is waited for, and for what nobody holds those before it in line.
    """

    state: Literal["granted", "waiting", "gone"]
    leases: tuple[Lease, ...]
    position: int
    retry_ms: int
    waiting_for: tuple[str, ...]


class AwaitedLock(TypedDict):
    """A lock that an execution waits for. `position` 1 is the next in line.

    `held_by` is the agent that holds it, until `held_until` if it is not renewed; None while nobody
    does.
    """

    resource_type: str
    resource_name: str
    position: int
    held_by: str | None
    held_until: str | None
    waiting_since: str
    gives_up_at: str
    request_id: str
