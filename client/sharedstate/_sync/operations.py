"""Whole executions, the board, what operators do, and health."""

from __future__ import annotations

from typing import Any

from sharedstate import types
from sharedstate._arguments import RequestId
from sharedstate._rows import row, rows, text
from sharedstate._sync.base import Methods
from sharedstate.board import Board


class OperationMethods(Methods):
    """What a client does about whole executions, for operators, the board, and health."""

    def get_situation(self, agent_name: str, execution_id: str | None = None) -> types.Situation:
        """All that an agent has to know now: leases, waits, conflicts, budget, stale inputs, log.

        Of our own execution, unless another one is named.

        Example:
            >>> now = state.get_situation("skeleton_agent")
            >>> for wait in now["waits"]:
            ...     print("behind", wait["held_by"], "until", wait["held_until"])
        """
        params = {"agent_name": agent_name, "execution_id": self._execution(execution_id)}
        return self._rpc("get_situation", params, row)

    def release_execution(
        self, execution_id: str | None = None, *, request_id: RequestId = None
    ) -> types.ExecutionRelease:
        """End all leases, places in line and reservations of an execution, by default our own.

        A name that ends in a colon stands for every execution that begins with it. With a key that
        names its agent, only what is that agent's. Writes under the ended leases raise LeaseLost.

        Example:
            >>> ended = state.release_execution("session-7:")
            >>> print([lease["resource_name"] for lease in ended["leases"]])
        """
        params = {"execution_id": self._execution(execution_id), "request_id": request_id}
        return self._rpc("release_execution", params, row)

    def _execution(self, execution_id: str | None) -> str:
        return self.execution_id if execution_id is None else execution_id

    def health(self) -> types.Health:
        """Whether the service answers, its schema version and its clock."""
        return self._rpc("health", {}, row)

    def schema_version(self) -> str:
        """Version of the newest migration."""
        return self._rpc("schema_version", {}, text)

    def get_board(self, cursor: str | None = None, limit: int = 100) -> Board:
        """One look at the workspace: subsystems, conflicts, locks, budgets, and the log's entries.

        No list is longer than `limit` (1..1000); `counts` says how many there are. Without a
        `cursor` the entries are the newest; with the last board's, those written since.

        Example:
            >>> board = state.get_board()
            >>> later = state.get_board(board["cursor"])
            >>> print(len(board["conflicts"]), "conflicts", len(later["entries"]), "new entries")
        """
        return self._rpc("get_board", {"cursor": cursor, "limit_count": limit}, row)

    def init_workspace(
        self, workspace_name: str, with_defaults: bool = True, *, request_id: RequestId = None
    ) -> types.WorkspaceRow:
        """Operators: make a workspace, with the default limits and subsystems. Idempotent."""
        params = {
            "workspace_name": workspace_name,
            "with_defaults": with_defaults,
            "request_id": request_id,
        }
        return self._rpc("init_workspace", params, row)

    def list_workspaces(self) -> list[types.WorkspaceSummary]:
        """Operators: all workspaces with their progress."""
        return self._rpc("list_workspaces", {}, rows)

    def export_state(self) -> dict[str, Any]:
        """The whole workspace as one JSON document, which `sharedstate init --from` takes.

        Its numbers are Python's ints and floats; `sharedstate export` writes a file in which they
        keep all of their digits.

        Example:
            >>> document = operator.export_state()
            >>> print(len(document["conflicts"]), "conflicts")
        """
        document: dict[str, Any] = self._rpc("export_state", {}, row, timeout_s=60.0)
        return document
