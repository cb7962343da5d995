"""MADE FROM methods/operations.py by scripts/build_async.py: change that file, run the script."""

from __future__ import annotations

from typing import Any

from sharedstate import types
from sharedstate.calls import operations as calls
from sharedstate.http.call import RequestId
from sharedstate.methods_async.core import AsyncCoreMethods


class AsyncOperationMethods(AsyncCoreMethods):
    """What AsyncSharedState does for operators, and health."""

    async def health(self) -> types.Health:
        """Whether the service answers, its schema version and its clock."""
        return await self._run(calls.health())

    async def schema_version(self) -> str:
        """Version of the newest migration."""
        return await self._run(calls.schema_version())

    async def init_workspace(
        self, workspace_name: str, with_defaults: bool = True, *, request_id: RequestId = None
    ) -> types.WorkspaceRow:
        """Operators: make a workspace, with the default limits and subsystems. Idempotent."""
        return await self._run(calls.init_workspace(workspace_name, with_defaults, request_id))

    async def list_workspaces(self) -> list[types.WorkspaceSummary]:
        """Operators: all workspaces with their progress."""
        return await self._run(calls.list_workspaces())

    async def export_state(self) -> dict[str, Any]:
        """The whole workspace as one JSON document, which `sharedstate init --from` takes.

        No number is rounded: one with more digits than a float keeps is a Decimal, and every other
        an int or float as ever. `sharedstate export` writes all of them to a file; `json.dumps`
        takes no Decimal by itself.

        Example:
            >>> document = await operator.export_state()
            >>> print(len(document["conflicts"]), "conflicts")
        """
        return await self._run(calls.export_state())
