"""Calls about requirements, interfaces and designs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sharedstate import readers, types
from sharedstate.calls.arguments import (
    MAX_VERSION,
    newest_filter,
    object_of,
    version_filter,
    whole_number,
)
from sharedstate.config import checked_name
from sharedstate.http.call import Call, RequestId, mutation, repeatable, select


def update_subsystem_requirements(
    execution_id: str,
    subsystem: str,
    requirements: Mapping[str, Any],
    created_by: str,
    base_version: int | None,
    fencing_token: int | None,
    request_id: RequestId,
) -> Call[types.RequirementsRow]:
    document = {"requirements": object_of(requirements, "requirements")}
    params = _publication(
        execution_id, subsystem, document, created_by, base_version, fencing_token
    )
    return mutation("update_subsystem_requirements", params, readers.row, request_id)


def update_subsystem_interfaces(
    execution_id: str,
    subsystem: str,
    interfaces: Mapping[str, Any],
    created_by: str,
    base_version: int | None,
    fencing_token: int | None,
    request_id: RequestId,
) -> Call[types.InterfacesRow]:
    document = {"interfaces": object_of(interfaces, "interfaces")}
    params = _publication(
        execution_id, subsystem, document, created_by, base_version, fencing_token
    )
    return mutation("update_subsystem_interfaces", params, readers.row, request_id)


def update_subsystem_design(
    execution_id: str,
    subsystem: str,
    design_data: Mapping[str, Any],
    created_by: str,
    base_version: int | None,
    fencing_token: int | None,
    request_id: RequestId,
) -> Call[types.DesignRow]:
    document = {"design_data": object_of(design_data, "design_data")}
    params = _publication(
        execution_id, subsystem, document, created_by, base_version, fencing_token
    )
    return mutation("update_subsystem_design", params, readers.row, request_id)


def get_subsystem_requirements(
    workspace: str, subsystem: str, version: int | None
) -> Call[types.RequirementsRow | None]:
    filters = {**_of(subsystem), **version_filter(version)}
    return select("subsystem_requirements", workspace, filters, readers.first_or_none)


def get_subsystem_requirements_history(
    workspace: str, subsystem: str, limit: int, before_version: int | None
) -> Call[list[types.RequirementsRow]]:
    filters = {**_of(subsystem), **newest_filter(limit, before_version)}
    return select("subsystem_requirements", workspace, filters, readers.rows)


def get_subsystem_interfaces(
    workspace: str, subsystem: str, version: int | None
) -> Call[types.InterfacesRow | None]:
    filters = {**_of(subsystem), **version_filter(version)}
    return select("subsystem_interfaces", workspace, filters, readers.first_or_none)


def get_subsystem_interfaces_history(
    workspace: str, subsystem: str, limit: int, before_version: int | None
) -> Call[list[types.InterfacesRow]]:
    filters = {**_of(subsystem), **newest_filter(limit, before_version)}
    return select("subsystem_interfaces", workspace, filters, readers.rows)


def get_subsystem_design(
    workspace: str, subsystem: str, version: int | None
) -> Call[types.DesignRow | None]:
    filters = {**_of(subsystem), **version_filter(version)}
    return select("subsystem_designs", workspace, filters, readers.first_or_none)


def get_subsystem_design_history(
    workspace: str, subsystem: str, limit: int, before_version: int | None
) -> Call[list[types.DesignRow]]:
    filters = {**_of(subsystem), **newest_filter(limit, before_version)}
    return select("subsystem_designs", workspace, filters, readers.rows)


def diff_documents(
    subsystem: str, document: str, from_version: int, to_version: int
) -> Call[list[types.DocumentChange]]:
    params = {
        "subsystem": subsystem,
        "document": document,
        "from_version": whole_number(from_version, "from_version", 0, MAX_VERSION),
        "to_version": whole_number(to_version, "to_version", 0, MAX_VERSION),
    }
    return repeatable("diff_documents", params, readers.rows)


def record_dependency(
    execution_id: str,
    subsystem: str,
    on_subsystem: str,
    document: str,
    agent_name: str,
    version: int | None,
    request_id: RequestId,
) -> Call[types.DependencyRow]:
    params = {
        "subsystem": subsystem,
        "on_subsystem": on_subsystem,
        "document": document,
        "agent_name": agent_name,
        "version": version,
        "execution_id": execution_id,
    }
    return mutation("record_dependency", params, readers.row, request_id)


def remove_dependency(
    execution_id: str,
    subsystem: str,
    on_subsystem: str,
    document: str,
    agent_name: str,
    request_id: RequestId,
) -> Call[bool]:
    params = {
        "subsystem": subsystem,
        "on_subsystem": on_subsystem,
        "document": document,
        "agent_name": agent_name,
        "execution_id": execution_id,
    }
    return mutation("remove_dependency", params, readers.was_row, request_id)


def get_dependencies(workspace: str, subsystem: str | None) -> Call[list[types.DependencyRow]]:
    filters = {"order": "subsystem,on_subsystem,document"}
    if subsystem is not None:
        filters["subsystem"] = "eq." + checked_name(subsystem, "subsystem")
    return select("document_dependencies", workspace, filters, readers.rows)


def _publication(
    execution_id: str,
    subsystem: str,
    document: dict[str, Any],
    created_by: str,
    base_version: int | None,
    fencing_token: int | None,
) -> dict[str, Any]:
    return {
        "subsystem": subsystem,
        **document,
        "created_by": created_by,
        "base_version": base_version,
        "fencing_token": fencing_token,
        "execution_id": execution_id,
    }


def _of(subsystem: str) -> dict[str, str]:
    return {"subsystem_name": "eq." + checked_name(subsystem, "subsystem")}
