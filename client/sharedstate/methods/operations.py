"""What operators do. methods_async/operations.py is made from this file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sharedstate import importing, types
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

    def import_state(
        self,
        document: Mapping[str, Any],
        *,
        on_progress: Callable[[int, int], None] | None = None,
        request_id: RequestId = None,
    ) -> list[types.ImportCount]:
        """Operators: import a document as export_state gives it; the counts by section.

        It is sent in parts, each a transaction, and may be sent again: what is there, stays.
        `on_progress(done, total)` is called after each part with numbers of entries. A Decimal is
        written digit by digit. Raises InvalidArgument for what is no such document.

        Example:
            >>> for count in operator.import_state(json.loads(path.read_text())):
            ...     print(count["section"], count["imported"], count["unchanged"], count["refused"])
        """
        answers: list[list[types.ImportCount]] = []
        done = 0
        for entries, call in importing.parts(document, request_id):
            answers.append(self._run(call))
            done += entries
            if on_progress is not None:
                on_progress(done, importing.entry_count(document))
        return importing.total(answers)

    def export_state(self) -> dict[str, Any]:
        """The whole workspace as one JSON document, in the form that import_state takes.

        No number is rounded: one with more digits than a float keeps is a Decimal, and every other
        an int or float as ever. `sharedstate export` writes all of them to a file; `json.dumps`
        takes no Decimal by itself.

        Example:
            >>> document = operator.export_state()
            >>> print(len(document["conflicts"]), "conflicts")
        """
        return self._run(calls.export_state())
