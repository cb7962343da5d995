"""Whether each part runs, and why not."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from sharedstate_ops.stack import gateway, postgres, postgrest
from sharedstate_ops.stack.errors import NoConnection
from sharedstate_ops.stack.keys import Keys
from sharedstate_ops.stack.processes import find
from sharedstate_ops.stack.state import PartRecord, StackState

_KEYS_MISSING = "the process lives, but keys.json is missing: `sharedstate up` makes new ones"


@dataclass(frozen=True)
class PartStatus:
    """One part. `detail` says why it does not run; empty when it does."""

    name: str
    running: bool
    port: int | None = None
    version: str | None = None
    pid: int | None = None
    detail: str = ""


def examine(name: str, state: StackState, keys: Keys | None) -> PartStatus:
    """Look at the process, then ask the part itself."""
    part = state.parts.get(name)
    if part is None:
        return PartStatus(name, running=False, detail="not started")
    if find(part.pid, part.created) is None:
        reason = f"killed: no process {part.pid}"
        return PartStatus(name, running=False, port=part.port, version=part.version, detail=reason)
    problem = _KEYS_MISSING if keys is None else _problem(name, part, keys)
    return PartStatus(
        name,
        running=not problem,
        port=part.port,
        version=part.version,
        pid=part.pid,
        detail=problem,
    )


def _problem(name: str, part: PartRecord, keys: Keys) -> str:
    if name == "postgres":
        return _postgres_problem(part.port, keys)
    if name == "postgrest":
        status = postgrest.get_status(part.admin_port or 0, "/ready")
        return _judge(status, ready=status == 200)
    status = gateway.health_status(part.port, keys)
    return _judge(status, ready=gateway.is_ready(status))


def _judge(status: int | None, *, ready: bool) -> str:
    if ready:
        return ""
    if status is None:
        return "the process lives, but its port does not answer"
    return f"the port answers, but it is not ready: HTTP {status}"


def _postgres_problem(port: int, keys: Keys) -> str:
    try:
        with postgres.connect(
            port,
            user="postgres",
            password=keys.postgres_password,
            database=postgres.DATABASE,
            timeout=3,
        ) as connection:
            connection.execute("select 1")
    except NoConnection as error:
        return f"the process lives, but it is not ready: {error.reason}"
    except psycopg.Error as error:
        return f"the process lives, but it is not ready: {postgres.reason_of(error)}"
    return ""
