"""The part of SharedState that the agents use, in memory: to play whole designs in one process."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sharedstate.types import Checkout, Lease

AMOUNTS = ("mass_kg", "cost_usd", "power_w")
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

    def get_all_subsystem_statuses(self) -> list[Row]:
        return deepcopy(list(self.subsystems.values()))

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

    def log_agent_activity(self, agent: str, activity: str, details: Row | None = None) -> None:
        self.activity.append({"agent_name": agent, "activity": activity, "details": details or {}})

    def update_subsystem_status(self, name: str, status: Row) -> None:
        row = self.subsystems.setdefault(name, new_subsystem(name))
        for key, value in deepcopy(status).items():
            (row if key == "state" or key in COLUMNS else row["metadata"])[key] = value
        self._watch_budget(name)

    def _watch_budget(self, name: str) -> None:
        """One open conflict while a subsystem uses more than is allocated to it."""
        row = self.subsystems[name]
        allocation = (
            self.constraints[-1]["budget_allocations"].get(name) if self.constraints else None
        )
        over = allocation is not None and any(
            (row[f"current_{one}"] or 0) > allocation[one] for one in AMOUNTS
        )
        row["within_budget"] = None if allocation is None else not over
        opened = [
            c
            for c in self._open()
            if (c["source_agent"], c["conflict_key"]) == (name, "sharedstate:budget")
        ]
        if over and not opened:
            self.log_conflict(
                severity="high", priority=2, source=name, target="system_architect", blocks=[],
                description=f"{name} is over its budget", conflict_key="sharedstate:budget",
            )  # fmt: skip
        elif opened and not over:
            self.resolve_conflict(
                opened[0]["conflict_id"], "within its budget again", "sharedstate"
            )

    def _open(self) -> list[Row]:
        return [conflict for conflict in self.conflicts if conflict["status"] == "open"]

    def _publish_constraints(self, row: Row) -> None:
        self.constraints.append(deepcopy(row))
        for name in self.subsystems:
            self._watch_budget(name)

    def transfer_budget(
        self, giver: str, to: str, mass_kg: float, cost_usd: float, power_w: float, *_: str
    ) -> None:
        latest = deepcopy(self.constraints[-1])
        amounts = {"mass_kg": mass_kg, "cost_usd": cost_usd, "power_w": power_w}
        for one, amount in amounts.items():
            for name, sign in ((giver, -1), (to, 1)):
                budget = latest["budget_allocations"][name]
                budget[one] = round(budget[one] + sign * amount, 6)
                assert budget[one] >= 0
        self._publish_constraints({**latest, "version": latest["version"] + 1})

    def add_conflict_note(self, conflict_id: int, by: str, note: str) -> None:
        self.conflicts[conflict_id - 1].setdefault("notes", []).append(note)

    def update_global_constraints(self, content: Row, by: str, *, base_version: int) -> None:
        assert base_version == len(self.constraints)
        before = self.constraints[-1]["metadata"] if self.constraints else {}
        allocations = content["budget_allocations"]
        metadata = {**before, **{k: v for k, v in content.items() if k != "budget_allocations"}}
        row = {"version": base_version + 1, "metadata": metadata}
        self._publish_constraints({**row, "budget_allocations": allocations})

    def update_subsystem_requirements(
        self, name: str, requirements: Row, by: str, *, base_version: int | None = None
    ) -> Row:
        return _append(self.requirements, name, "requirements", requirements, base_version)

    def log_conflict(self, **conflict: Any) -> int:
        for known in self._open():
            if (known["source_agent"], known["conflict_key"]) == (
                conflict["source"], conflict["conflict_key"]
            ):  # fmt: skip
                return int(known["conflict_id"])
        number = len(self.conflicts) + 1
        renamed = {"source": "source_agent", "target": "target_agent", "blocks": "blocks_agents"}
        row = {renamed.get(key, key): value for key, value in deepcopy(conflict).items()}
        self.conflicts.append({**row, "conflict_id": number, "status": "open", "resolution": None})
        return number

    def resolve_conflict(
        self, conflict_id: int, resolution: str, by: str, *, budget_transfer: Row | None = None
    ) -> None:
        conflict = self.conflicts[conflict_id - 1]
        assert conflict["status"] == "open"
        conflict.update(status="resolved", resolution=resolution, resolved_by=by)
        if budget_transfer is not None:
            amounts = {one: budget_transfer[one] for one in AMOUNTS}
            giver, to = budget_transfer["from_subsystem"], budget_transfer["to_subsystem"]
            self.transfer_budget(giver, to, **amounts)

    def checkout_subsystem(
        self, name: str, agent: str, *, ttl_seconds: int, reads: tuple[str, ...]
    ) -> Checkout:
        read = [_last(self.interfaces, source) for source in reads]
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
        release: bool,
    ) -> None:
        self.update_subsystem_status(name, status)
        if interfaces is not None:
            _append(self.interfaces, name, "interfaces", interfaces)
        if design_data is not None:
            _append(self.designs, name, "design_data", design_data)
        self.log_agent_activity(agent, activity, details)

    def release_lock(self, resource_type: str, name: str) -> bool:
        return True


def new_subsystem(name: str) -> Row:
    """A row as `init_workspace` makes it."""
    amounts = dict.fromkeys(COLUMNS - {"iteration"})
    return {"name": name, "state": "not_started", "iteration": 0, "metadata": {}, **amounts}


def _last(rows: dict[str, list[Row]], name: str) -> Row | None:
    return deepcopy(rows[name][-1]) if rows.get(name) else None


def _append(
    rows: dict[str, list[Row]], name: str, key: str, content: Row, base: int | None = None
) -> Row:
    versions = rows.setdefault(name, [])
    assert base is None or base == len(versions)
    row = {"subsystem_name": name, "version": len(versions) + 1, key: deepcopy(content)}
    versions.append(row)
    return row
