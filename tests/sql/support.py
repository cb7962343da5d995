"""What the tests of the database share: a workspace as agents and the database's owner see it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import psycopg

from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.keys import make_token

Row = dict[str, Any]
Answer = tuple[int, Any]

TABLES = (
    "global_constraints",
    "budget_reservations",
    "subsystems",
    "subsystem_requirements",
    "subsystem_interfaces",
    "subsystem_designs",
    "document_dependencies",
    "conflicts",
    "conflict_events",
    "agent_activity_logs",
    "agent_locks",
)


@dataclass(frozen=True)
class Api:
    """One workspace as an agent sees it over HTTP, and as the database's owner sees it by SQL."""

    http: httpx.Client
    stack: StackInfo
    workspace: str

    def call(
        self,
        name: str,
        /,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> Answer:
        """(status, json) of an RPC; as an agent unless `key` says otherwise."""
        answer = self.http.post(f"/rpc/{name}", json=arguments, headers=self.headers(key, headers))
        return answer.status_code, answer.json() if answer.content else None

    def headers(
        self, key: str | None = None, more: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """The headers of a request; an empty key means none at all."""
        key = self.stack.agent_key if key is None else key
        return {
            "x-workspace": self.workspace,
            **({"apikey": key} if key else {}),
            **(more or {}),
        }

    def do(self, name: str, /, **arguments: Any) -> Any:
        """The answer of an RPC that has to succeed."""
        status, answer = self.call(name, **arguments)
        assert status == 200, (name, status, answer)
        return answer

    def do_exactly(self, name: str, /, **arguments: Any) -> Any:
        """The same, with numbers that have more digits than a float: Decimals there and back."""
        text = json.dumps(arguments, default=lambda number: f"<exact>{number}</exact>")
        answer = self.http.post(
            f"/rpc/{name}",
            content=re.sub(r'"<exact>(.*?)</exact>"', r"\1", text),
            headers={**self.headers(), "content-type": "application/json"},
        )
        assert answer.status_code == 200, (name, answer.text)
        return json.loads(answer.text, parse_float=Decimal)

    def operate(self, name: str, /, **arguments: Any) -> Any:
        """The same with the operator's key."""
        return self.do(name, key=self.stack.service_key, **arguments)

    def refused(self, name: str, slug: str, /, **arguments: Any) -> Row:
        """The detail of an RPC that has to fail with this slug, which must say what to do next."""
        status, answer = self.call(name, **arguments)
        assert (status, answer["message"]) == (STATUS_OF[slug], slug), (name, status, answer)
        assert answer["code"] == f"PT{status}"
        assert answer["hint"]
        detail = json.loads(answer["details"])
        assert isinstance(detail, dict)
        return detail

    def rows(self, table: str, /, *, key: str | None = None, **filters: str) -> list[Row]:
        """Rows of a table or view: rows("subsystems", name="eq.skeleton")."""
        answer = self.http.get(f"/{table}", params=filters, headers=self.headers(key))
        assert answer.status_code == 200, answer.text
        found: list[Row] = answer.json()
        return found

    def log(self, *activities: str) -> list[Row]:
        """Activity entries, oldest first; of these kinds only when any are named."""
        wanted = {"activity": f"in.({','.join(activities)})"} if activities else {}
        return self.rows("agent_activity_logs", order="id", **wanted)

    def snapshot(self) -> Row:
        """All that a refused call must leave as it was: the export, and the leases."""
        exported: Row = self.do("export_state")
        del exported["exported_at"]
        exported["agent_locks"] = self.rows("agent_locks", order="resource_type,resource_name")
        return exported

    def sql(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement as the owner of the database, in a transaction of its own."""
        with psycopg.connect(self.stack.database_url) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def lock(
        self,
        subsystem: str = "skeleton",
        agent_name: str = "skeleton_agent",
        execution_id: str = "run-1",
        **arguments: Any,
    ) -> Row:
        """Take the lease of a subsystem, which has to be free."""
        granted = self.do(
            "acquire_lock",
            resource_type="subsystem",
            resource_name=subsystem,
            agent_name=agent_name,
            execution_id=execution_id,
            **arguments,
        )
        assert len(granted) == 1, f"{subsystem} is not free"
        lease: Row = granted[0]
        return lease

    def lapse(self, lease: Row) -> None:
        """Let a lease run out now, as if its time to live had passed."""
        found = self.sql(
            "update public.agent_locks set expires_at = clock_timestamp() "
            "where workspace = %s and resource_type = %s and resource_name = %s returning true",
            self.workspace,
            lease["resource_type"],
            lease["resource_name"],
        )
        assert found == [(True,)]


STATUS_OF = {
    "invalid_argument": 400,
    "agent_mismatch": 403,
    "unknown_workspace": 404,
    "unknown_conflict": 404,
    "unknown_version": 404,
    "request_id_reused": 409,
    "lease_lost": 409,
    "deadlock": 409,
    "stale_version": 409,
    "stale_inputs": 409,
    "over_budget": 409,
    "reservation_lost": 409,
    "conflict_already_resolved": 409,
    "conflict_not_resolved": 409,
    "conflict_duplicate": 409,
    "log_restored": 409,
    "export_too_large": 413,
    "resource_locked": 423,
}


def make_workspace(http: httpx.Client, stack: StackInfo, name: str) -> Api:
    """A new workspace with the default configuration."""
    api = Api(http, stack, name)
    api.operate("init_workspace", workspace_name=name)
    return api


def pinned_to(api: Api, role: str = "authenticated") -> str:
    """A key for one workspace, of an agent if nothing else is said."""
    return make_token(api.stack.jwt_secret, role, workspace=api.workspace, ttl=3600)
