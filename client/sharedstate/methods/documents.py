"""Requirements, interfaces and designs. methods_async/documents.py is made from this file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sharedstate import types
from sharedstate.calls import documents as calls
from sharedstate.drafts import Draft
from sharedstate.http.call import RequestId
from sharedstate.methods.core import CoreMethods


class DocumentMethods(CoreMethods):
    """What SharedState does about requirements, interfaces and designs."""

    def update_subsystem_requirements(
        self,
        subsystem: str,
        requirements: Mapping[str, Any],
        created_by: str,
        *,
        base_version: int | None = None,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> types.RequirementsRow:
        """Write a new version of what a subsystem has to meet; a foreign lease does not hinder.

        `base_version` is the version you started from, 0 for "there was none": what others
        published since is merged with it, and StaleVersion is raised where both changed the same
        part. LeaseLost when a token is given (none is sent by itself).

        Example:
            >>> state.update_subsystem_requirements(
            ...     "skeleton", {"max_mass_kg": 14.5}, "system_architect", base_version=0
            ... )
        """
        call = calls.update_subsystem_requirements(
            self.execution_id, subsystem, requirements, created_by, base_version,
            fencing_token, request_id,
        )  # fmt: skip
        return self._run(call)

    def update_subsystem_interfaces(
        self,
        subsystem: str,
        interfaces: Mapping[str, Any],
        created_by: str,
        *,
        base_version: int | None = None,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> types.InterfacesRow:
        """Publish a new version of what other subsystems build on.

        `base_version` as in update_subsystem_requirements. The token of a lease acquired here goes
        along. Raises StaleVersion, ResourceLocked, LeaseLost.

        Example:
            >>> interfaces = {"battery": {"voltage_v": 48}}
            >>> row = state.update_subsystem_interfaces("power", interfaces, "power_agent")
            >>> print(row["version"])
        """
        token = self._leases.token("subsystem", subsystem, fencing_token)
        call = calls.update_subsystem_interfaces(
            self.execution_id, subsystem, interfaces, created_by, base_version, token, request_id
        )
        return self._run(call)

    def update_subsystem_design(
        self,
        subsystem: str,
        design_data: Mapping[str, Any],
        created_by: str,
        *,
        base_version: int | None = None,
        fencing_token: int | None = None,
        request_id: RequestId = None,
    ) -> types.DesignRow:
        """Write a new version of a design; otherwise as update_subsystem_interfaces.

        To change a part of it: edit_design.

        Example:
            >>> design = {"bones": {"femur": {"length_m": 0.45}}}
            >>> state.update_subsystem_design("skeleton", design, "skeleton_agent")
        """
        token = self._leases.token("subsystem", subsystem, fencing_token)
        call = calls.update_subsystem_design(
            self.execution_id, subsystem, design_data, created_by, base_version, token, request_id
        )
        return self._run(call)

    def get_subsystem_requirements(
        self, subsystem: str, version: int | None = None
    ) -> types.RequirementsRow | None:
        """The latest requirements, or the given version; None when there is none."""
        call = calls.get_subsystem_requirements(self.workspace, subsystem, version)
        return self._run(call)

    def get_subsystem_requirements_history(
        self, subsystem: str, limit: int = 50, before_version: int | None = None
    ) -> list[types.RequirementsRow]:
        """The versions of a subsystem's requirements, newest first, older than `before_version`."""
        return self._run(
            calls.get_subsystem_requirements_history(
                self.workspace, subsystem, limit, before_version
            )
        )

    def get_subsystem_interfaces(
        self, subsystem: str, version: int | None = None
    ) -> types.InterfacesRow | None:
        """The latest interfaces, or the given version; None when there is none."""
        call = calls.get_subsystem_interfaces(self.workspace, subsystem, version)
        return self._run(call)

    def get_subsystem_interfaces_history(
        self, subsystem: str, limit: int = 50, before_version: int | None = None
    ) -> list[types.InterfacesRow]:
        """The versions of a subsystem's interfaces, newest first, older than `before_version`."""
        return self._run(
            calls.get_subsystem_interfaces_history(self.workspace, subsystem, limit, before_version)
        )

    def get_subsystem_design(
        self, subsystem: str, version: int | None = None
    ) -> types.DesignRow | None:
        """The latest design, or the given version; None when there is none."""
        call = calls.get_subsystem_design(self.workspace, subsystem, version)
        return self._run(call)

    def get_subsystem_design_history(
        self, subsystem: str, limit: int = 50, before_version: int | None = None
    ) -> list[types.DesignRow]:
        """The versions of a subsystem's design, newest first, older than `before_version`."""
        return self._run(
            calls.get_subsystem_design_history(self.workspace, subsystem, limit, before_version)
        )

    @contextmanager
    def edit_requirements(
        self, subsystem: str, created_by: str | None = None, *, fencing_token: int | None = None
    ) -> Iterator[Draft]:
        """The latest requirements, to be changed in place; published when the block ends.

        What others publish meanwhile is merged with it, as update_subsystem_requirements does.
        Nothing is written when nothing was changed, or when the block raises.
        `created_by`: the agent of the token when None, or else the execution_id.

        Example:
            >>> with state.edit_requirements("skeleton", "system_architect") as requirements:
            ...     requirements["max_mass_kg"] = 14.5
        """
        row = self._run(calls.get_subsystem_requirements(self.workspace, subsystem, None))
        draft = Draft.of_document(row, "requirements")
        yield draft
        if draft.is_changed:
            draft.row = self.update_subsystem_requirements(
                subsystem, draft, self._author(created_by),
                base_version=draft.base_version, fencing_token=fencing_token,
            )  # fmt: skip

    @contextmanager
    def edit_interfaces(
        self, subsystem: str, created_by: str | None = None, *, fencing_token: int | None = None
    ) -> Iterator[Draft]:
        """The latest interfaces, to be changed in place; otherwise as edit_requirements."""
        row = self._run(calls.get_subsystem_interfaces(self.workspace, subsystem, None))
        draft = Draft.of_document(row, "interfaces")
        yield draft
        if draft.is_changed:
            draft.row = self.update_subsystem_interfaces(
                subsystem, draft, self._author(created_by),
                base_version=draft.base_version, fencing_token=fencing_token,
            )  # fmt: skip

    @contextmanager
    def edit_design(
        self, subsystem: str, created_by: str | None = None, *, fencing_token: int | None = None
    ) -> Iterator[Draft]:
        """The latest design, to be changed in place; otherwise as edit_requirements."""
        row = self._run(calls.get_subsystem_design(self.workspace, subsystem, None))
        draft = Draft.of_document(row, "design_data")
        yield draft
        if draft.is_changed:
            draft.row = self.update_subsystem_design(
                subsystem, draft, self._author(created_by),
                base_version=draft.base_version, fencing_token=fencing_token,
            )  # fmt: skip

    def diff_subsystem_requirements(
        self, subsystem: str, from_version: int, to_version: int
    ) -> list[types.DocumentChange]:
        """What differs between two versions, part by part; version 0 is the empty document.

        Raises UnknownVersion.
        """
        call = calls.diff_documents(subsystem, "requirements", from_version, to_version)
        return self._run(call)

    def diff_subsystem_interfaces(
        self, subsystem: str, from_version: int, to_version: int
    ) -> list[types.DocumentChange]:
        """What differs between two versions; otherwise as diff_subsystem_requirements."""
        call = calls.diff_documents(subsystem, "interfaces", from_version, to_version)
        return self._run(call)

    def diff_subsystem_design(
        self, subsystem: str, from_version: int, to_version: int
    ) -> list[types.DocumentChange]:
        """What differs between two versions; otherwise as diff_subsystem_requirements."""
        call = calls.diff_documents(subsystem, "design", from_version, to_version)
        return self._run(call)

    def record_dependency(
        self,
        subsystem: str,
        on_subsystem: str,
        document: str,
        agent_name: str,
        version: int | None = None,
        *,
        request_id: RequestId = None,
    ) -> types.DependencyRow:
        """Note that a subsystem is made from another's requirements, interfaces or design.

        `version`: the one that was read, the latest when None. It counts at once; what
        checkout_subsystem reads counts with the check-in. When a newer one is published, the
        subsystem is stale: see get_system_status.
        Raises UnknownVersion.
        """
        call = calls.record_dependency(
            self.execution_id, subsystem, on_subsystem, document, agent_name, version, request_id
        )
        return self._run(call)

    def remove_dependency(
        self,
        subsystem: str,
        on_subsystem: str,
        document: str,
        agent_name: str,
        *,
        request_id: RequestId = None,
    ) -> bool:
        """Note that a subsystem no longer builds on another's document; False when it did not."""
        call = calls.remove_dependency(
            self.execution_id, subsystem, on_subsystem, document, agent_name, request_id
        )
        return self._run(call)

    def get_dependencies(self, subsystem: str | None = None) -> list[types.DependencyRow]:
        """Which versions of whose documents a subsystem (or each of them) is made from."""
        return self._run(calls.get_dependencies(self.workspace, subsystem))
