"""Method arguments to reads of tables. Pure; each has its method's name."""

from __future__ import annotations

from typing import Any

from sharedstate import readers, types
from sharedstate.call import Call, select
from sharedstate.config import checked_name
from sharedstate.errors import InvalidArgument

MAX_ROWS = 10_000


def get_lock(workspace: str, resource_type: str, resource_name: str) -> Call[types.LockRow | None]:
    filters = {
        "resource_type": "eq." + checked_name(resource_type, "resource_type"),
        "resource_name": "eq." + checked_name(resource_name, "resource_name"),
        # Postgres reads 'now' as its own clock, the only one that tells whether a lease has ended.
        "expires_at": "gt.now",
    }
    return select("agent_locks", workspace, filters, readers.first_or_none)


def get_subsystem_status(workspace: str, subsystem: str) -> Call[types.SubsystemRow | None]:
    filters = {"name": "eq." + checked_name(subsystem, "subsystem")}
    return select("subsystems", workspace, filters, readers.first_or_none)


def get_all_subsystem_statuses(workspace: str) -> Call[list[types.SubsystemRow]]:
    return select("subsystems", workspace, {"order": "name"}, readers.rows)


def get_system_status(workspace: str) -> Call[list[types.SystemStatusRow]]:
    return select("system_status", workspace, {"order": "name"}, readers.rows)


def get_global_constraints(
    workspace: str, version: int | None
) -> Call[types.GlobalConstraintsRow | None]:
    return select("global_constraints", workspace, _version(version), readers.first_or_none)


def get_global_constraints_history(
    workspace: str, limit: int
) -> Call[list[types.GlobalConstraintsRow]]:
    return select("global_constraints", workspace, _newest(limit), readers.rows)


def get_subsystem_requirements(
    workspace: str, subsystem: str, version: int | None
) -> Call[types.RequirementsRow | None]:
    filters = {**_of(subsystem), **_version(version)}
    return select("subsystem_requirements", workspace, filters, readers.first_or_none)


def get_subsystem_requirements_history(
    workspace: str, subsystem: str, limit: int
) -> Call[list[types.RequirementsRow]]:
    filters = {**_of(subsystem), **_newest(limit)}
    return select("subsystem_requirements", workspace, filters, readers.rows)


def get_subsystem_interfaces(
    workspace: str, subsystem: str, version: int | None
) -> Call[types.InterfacesRow | None]:
    filters = {**_of(subsystem), **_version(version)}
    return select("subsystem_interfaces", workspace, filters, readers.first_or_none)


def get_subsystem_interfaces_history(
    workspace: str, subsystem: str, limit: int
) -> Call[list[types.InterfacesRow]]:
    filters = {**_of(subsystem), **_newest(limit)}
    return select("subsystem_interfaces", workspace, filters, readers.rows)


def get_subsystem_design(
    workspace: str, subsystem: str, version: int | None
) -> Call[types.DesignRow | None]:
    filters = {**_of(subsystem), **_version(version)}
    return select("subsystem_designs", workspace, filters, readers.first_or_none)


def get_subsystem_design_history(
    workspace: str, subsystem: str, limit: int
) -> Call[list[types.DesignRow]]:
    filters = {**_of(subsystem), **_newest(limit)}
    return select("subsystem_designs", workspace, filters, readers.rows)


def get_recent_activity(
    workspace: str, limit: int, agent_name: str | None
) -> Call[list[types.ActivityRow]]:
    filters = (
        {} if agent_name is None else {"agent_name": "eq." + checked_name(agent_name, "agent_name")}
    )
    filters |= {"order": "timestamp.desc,id.desc", "limit": _limit(limit)}
    return select("agent_activity_logs", workspace, filters, readers.rows)


def _of(subsystem: str) -> dict[str, str]:
    return {"subsystem_name": "eq." + checked_name(subsystem, "subsystem")}


def _version(version: int | None) -> dict[str, str]:
    if version is None:
        return {"order": "version.desc", "limit": "1"}
    return {"version": f"eq.{_whole(version, 'version', 1, 2**31 - 1)}"}


def _newest(limit: int) -> dict[str, str]:
    return {"order": "version.desc", "limit": _limit(limit)}


def _limit(limit: int) -> str:
    return str(_whole(limit, "limit", 1, MAX_ROWS))


def _whole(value: Any, argument: str, least: int, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    reason = f"is no whole number from {least} to {most}"
    raise InvalidArgument(
        detail={"argument": argument, "reason": reason, "value": repr(value)[:100]}
    )
