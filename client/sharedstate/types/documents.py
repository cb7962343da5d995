"""Requirements, interfaces and designs."""

from __future__ import annotations

from typing import Any, TypedDict


class _DocumentRow(TypedDict):
    workspace: str
    subsystem_name: str
    version: int
    base_version: int | None
    merged: bool
    created_by: str
    created_at: str


class RequirementsRow(_DocumentRow):
    """Row of `subsystem_requirements`."""

    requirements: dict[str, Any]


class InterfacesRow(_DocumentRow):
    """Row of `subsystem_interfaces`."""

    interfaces: dict[str, Any]


class DesignRow(_DocumentRow):
    """Row of `subsystem_designs`."""

    design_data: dict[str, Any]


class DependencyRow(TypedDict):
    """Row of `document_dependencies`: what a subsystem's work is made from."""

    workspace: str
    subsystem: str
    on_subsystem: str
    document: str
    seen_version: int
    accepted_version: int | None
    read_version: int | None
    read_token: int | None
    recorded_by: str
    recorded_at: str
    execution_id: str | None


class DocumentChange(TypedDict):
    """A part that differs between two versions. `path` is a JSON pointer, `change` added, removed
    or changed; `old` and `new` are None where there is nothing."""

    path: str
    change: str
    old: Any
    new: Any
