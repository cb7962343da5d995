"""What operators do. methods_async/operations.py is made from this file."""

from __future__ import annotations

from typing import Any

from sharedstate import types
from sharedstate.calls import operations as calls
from sharedstate.http.call import RequestId
from sharedstate.methods.core import CoreMethods


class OperationMethods(CoreMethods):
    """What SharedState does for operators, and health."""

    def health(self) -> types.Health:
        """Whether the service answers, its schema version and its clock."""
        return self._run(calls.health())

    def schema_version(self) -> str:
        """Version of the newest migration."""
        return self._run(calls.schema_version())

    def init_workspace(
        self, workspace_name: str, with_defaults: bool = True, *, request_id: RequestId = None
    ) -> types.WorkspaceRow:
        """Operators: make a workspace, with the default limits and subsystems. Idempotent."""
        return self._run(calls.init_workspace(workspace_name, with_defaults, request_id))

    def list_workspaces(self) -> list[types.WorkspaceSummary]:
        """Operators: all workspaces with their progress."""
        return self._run(calls.list_workspaces())

    def export_state(self) -> dict[str, Any]:
        """The whole workspace as one JSON document, which `sharedstate init --from` takes.

        No number is rounded: one with more digits than a float keeps is a Decimal, and every other
        an int or float as ever. `sharedstate export` writes all of them to a file; `json.dumps`
        takes no Decimal by itself.

        Example:
            >>> document = operator.export_state()
            >>> print(len(document["conflicts"]), "conflicts")
        """
        return self._run(calls.export_state())
