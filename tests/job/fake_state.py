"""The part of SharedState that the agents use, in memory: to play whole designs in one process.

No method calls another public one: each is one transaction, in which nobody is killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sharedstate.drafts import Draft
from sharedstate.errors import OverBudget
from sharedstate.types import Checkout, Lease

AMOUNTS = ("mass_kg", "cost_usd", "power_w")
LIMITS = ("total_mass_kg_max", "total_cost_usd_max", "height_m", "voltage_v")
NO_CONSTRAINTS: dict[str, Any] = {
    **dict.fromkeys(LIMITS), "version": 0, "budget_allocations": {}, "metadata": {},
}  # fmt: skip
COLUMNS = {*(f"current_{one}" for one in AMOUNTS), "within_budget", "iteration"}
Row = dict[str, Any]


@dataclass
class FakeState:
    """One workspace. Locks are never contended, for one step runs at a time."""

    subsystems: dict[str, Row] = field(default_factory=dict)
    constraints: list[Row] = field(default_factory=list)
    requirements: dict[str, list[Row]] = field(default_factory=dict)
    interfaces: dict[str, list[Row]] = field(default_factory=dict)
    designs: dict[str, list[Row]] = field(default_factory=dict)
    conflicts: list[Row] = field(default_factory=list)
    activity: list[Row] = field(default_factory=list)
    # Subsystem -> whose interfaces it was made from -> in which version; `seen` until the check-in.
    made_from: dict[str, dict[str, int]] = field(default_factory=dict)
    seen: dict[str, dict[str, int]] = field(default_factory=dict)

    def lock(self, *_: Any) -> nullcontext[None]:
        return nullcontext()

    def get_all_subsystem_statuses(self) -> list[Row]:
        return deepcopy(list(self.subsystems.values()))

    def get_system_status(self) -> list[Row]:
        return [
            {
                "name": name,
                "version": row["version"],
                "stale_inputs": self._stale_inputs(name),
                "locked_by": None,
            }
            for name, row in self.subsystems.items()
        ]

    def _stale_inputs(self, name: str) -> list[str]:
        def content(source: str, version: int) -> Row | None:
            return self.interfaces[source][version - 1]["interfaces"] if version else None

        return [
            source
            for source, version in self.made_from.get(name, {}).items()
            if content(source, version) != content(source, len(self.interfaces.get(source, [])))
        ]

    def get_subsystem_status(self, name: str) -> Row | None:
        return deepcopy(self.subsystems.get(name))

    def get_global_constraints(self) -> Row | None:
        return deepcopy(self.constraints[-1]) if self.constraints else None

    def get_subsystem_requirements(self, name: str) -> Row | None:
        return _last(self.requirements, name)

    def get_active_conflicts(self, agent: str | None = None) -> list[Row]:
        def of(name: str) -> str:
            return name.removesuffix("_agent")

        return [
            deepcopy(c)
            for c in self._open()
            if agent is None
            or of(agent) in map(of, (c["source_agent"], c["target_agent"], *c["blocks_agents"]))
        ]

    def wait_until_unblocked(self, agent: str, timeout: float) -> bool:
        return not any(agent in conflict["blocks_agents"] for conflict in self._open())

    def log_agent_activity(self, agent: str, activity: str, details: Row | None = None) -> None:
        self._log(agent, activity, details)

    def _log(self, agent: str, activity: str, details: Row | None = None) -> None:
        self.activity.append({"agent_name": agent, "activity": activity, "details": details or {}})

    def update_subsystem_status(self, name: str, status: Row) -> None:
        self._write_status(name, status)

    def _write_status(self, name: str, status: Row) -> None:
        row = self.subsystems.setdefault(name, new_subsystem(name))
        row["version"] += 1
        for key, value in deepcopy(status).items():
            (row if key == "state" or key in COLUMNS else row["metadata"])[key] = value
        self._watch_budget(name)

    def _watch_budget(self, name: str) -> None:
        """One open conflict while a subsystem uses more than is allocated to it."""
        row = self.subsystems[name]
        allocation, over = self._allocation(name), self._is_over(name, row)
        row["within_budget"] = None if allocation is None else not over
        about = (name, "sharedstate:budget")
        opened = [c for c in self._open() if (c["source_agent"], c["conflict_key"]) == about]
        if over and not opened:
            self._open_conflict(
                "high", name, "system_architect", f"{name} is over its budget",
                priority=2, blocks=[], conflict_key="sharedstate:budget",
            )  # fmt: skip
        elif opened and not over:
            self._resolve(opened[0]["conflict_id"], "within its budget again", "sharedstate")

    def _allocation(self, name: str) -> Row | None:
        return self.constraints[-1]["budget_allocations"].get(name) if self.constraints else None

    def _is_over(self, name: str, row: Row) -> bool:
        allocation = self._allocation(name)
        return allocation is not None and any(
            (row[f"current_{one}"] or 0) > allocation[one] for one in AMOUNTS
        )

    def _open(self) -> list[Row]:
        return [conflict for conflict in self.conflicts if conflict["status"] == "open"]

    def _publish_constraints(self, row: Row) -> None:
        self.constraints.append(deepcopy(row))
        for name in self.subsystems:
            self._watch_budget(name)

    def transfer_budget(
        self, giver: str, to: str, *, reason: str, agent_name: str, **amounts: float
    ) -> None:
        self._transfer(giver, to, **amounts)

    def _transfer(self, giver: str, to: str, **amounts: float) -> None:
        latest = deepcopy(self.constraints[-1])
        for one, amount in amounts.items():
            for name, sign in ((giver, -1), (to, 1)):
                budget = latest["budget_allocations"][name]
                budget[one] = round(budget[one] + sign * amount, 6)
                assert budget[one] >= 0
        self._publish_constraints({**latest, "version": latest["version"] + 1})

    def add_conflict_note(self, conflict_id: int, by: str, note: str) -> None:
        self.conflicts[conflict_id - 1].setdefault("notes", []).append(note)

    @contextmanager
    def edit_global_constraints(self, by: str) -> Iterator[Draft]:
        before = self.constraints[-1] if self.constraints else NO_CONSTRAINTS
        draft = Draft.of_constraints(before)
        yield draft
        if draft.is_changed:
            self._publish_constraints({**draft, "version": before["version"] + 1})

    @contextmanager
    def edit_requirements(self, name: str, by: str) -> Iterator[Draft]:
        draft = Draft.of_document(self.get_subsystem_requirements(name), "requirements")
        yield draft
        if draft.is_changed:
            draft.row = self._publish_requirements(name, dict(draft))

    def _publish_requirements(self, name: str, content: Row) -> Row:
        return _append(self.requirements, name, "requirements", content)

    def log_conflict(self, *report: Any, **more: Any) -> int:
        return self._open_conflict(*report, **more)

    def _open_conflict(
        self, severity: str, source: str, target: str, description: str, *, priority: int,
        blocks: list[str], conflict_key: str,
    ) -> int:  # fmt: skip
        for known in self._open():
            if (known["source_agent"], known["conflict_key"]) == (source, conflict_key):
                return int(known["conflict_id"])
        number = len(self.conflicts) + 1
        self.conflicts.append({
            "conflict_id": number, "source_agent": source, "target_agent": target,
            "description": description, "blocks_agents": blocks, "conflict_key": conflict_key,
            "status": "open", "resolution": None,
        })  # fmt: skip
        return number

    def resolve_conflict(
        self, conflict_id: int, resolution: str, by: str, *, budget_transfer: Row | None = None
    ) -> None:
        self._resolve(conflict_id, resolution, by)
        if budget_transfer is not None:
            amounts = {one: budget_transfer[one] for one in AMOUNTS}
            giver, to = budget_transfer["from_subsystem"], budget_transfer["to_subsystem"]
            self._transfer(giver, to, **amounts)

    def _resolve(self, conflict_id: int, resolution: str, by: str) -> None:
        conflict = self.conflicts[conflict_id - 1]
        assert conflict["status"] == "open"
        conflict.update(status="resolved", resolution=resolution, resolved_by=by)

    def checkout_subsystem(
        self, name: str, agent: str, *, ttl_seconds: int, reads: tuple[str, ...]
    ) -> Checkout:
        read = [_last(self.interfaces, source) for source in reads]
        self.seen[name] = {source: len(self.interfaces.get(source, [])) for source in reads}
        lease = Lease("subsystem", name, agent, "fake", 1, datetime.now(UTC))
        status: Any = deepcopy(self.subsystems.setdefault(name, new_subsystem(name)))
        requirements: Any = _last(self.requirements, name)
        interfaces: Any = _last(self.interfaces, name)
        design: Any = _last(self.designs, name)
        inputs: list[Any] = [row for row in read if row]
        conflicts: list[Any] = self.get_active_conflicts(agent)
        constraints: Any = self.get_global_constraints()
        return Checkout(
            lease, status, requirements, interfaces, design, constraints, inputs, [], conflicts
        )

    def checkin_subsystem(
        self,
        name: str,
        agent: str,
        status: Row,
        *,
        interfaces: Row | None,
        design_data: Row | None,
        activity: str,
        details: Row,
        strict: bool,
    ) -> None:
        if strict and self._is_over(name, status):
            raise OverBudget("over_budget")
        self.made_from[name] = self.seen.pop(name)
        self._write_status(name, status)
        if interfaces is not None:
            _append(self.interfaces, name, "interfaces", interfaces)
        if design_data is not None:
            _append(self.designs, name, "design_data", design_data)
        self._log(agent, activity, details)

    def release_lock(self, resource_type: str, name: str) -> bool:
        return True


def new_subsystem(name: str) -> Row:
    """A row as `init_workspace` makes it."""
    amounts = dict.fromkeys(COLUMNS - {"iteration"})
    row = {"name": name, "state": "not_started", "iteration": 0, "metadata": {}, "version": 1}
    return {**row, **amounts}


def _last(rows: dict[str, list[Row]], name: str) -> Row | None:
    return deepcopy(rows[name][-1]) if rows.get(name) else None


def _append(rows: dict[str, list[Row]], name: str, key: str, content: Row) -> Row:
    versions = rows.setdefault(name, [])
    row = {"subsystem_name": name, "version": len(versions) + 1, key: deepcopy(content)}
    versions.append(row)
    return row
