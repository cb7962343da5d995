"""Conflicts over HTTP against a model: one workspace, any agent, any order of calls."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.sql.support import Api, make_workspace

Json = dict[str, Any]
AGENTS = st.sampled_from(
    ["power_agent", "power", "shell_agent", "shell_designer", "system_architect"]
)
# Few, so that reports and targets often meet.
SOURCES = st.sampled_from(["power_agent", "shell_agent"])
TARGETS = st.sampled_from(["system_architect", "power", "skeleton_agent"])
SEVERITIES = ("critical", "high", "medium", "low")
KEYS = st.sampled_from(["mass", "mass", "mass", "power", None])
NUMBERS = st.integers(1, 6)
_numbers = itertools.count()


def subsystem(agent: str) -> str:
    return agent.removesuffix("_agent").removesuffix("_designer")


@dataclass
class Conflict:
    """What the model knows of a conflict."""

    number: int
    source: str
    targets: tuple[str, str]  # as reported, and now
    key: str | None
    severity: str
    priority: int
    blocks: list[str]
    reports: int = 1
    is_open: bool = True
    events: list[str] = field(default_factory=lambda: ["opened"])

    def is_of(self, source: str, key: str | None, *targets: str) -> bool:
        """Whether a report of this source, key and target would be counted here."""
        mine = self.is_open and key is not None and (source, key) == (self.source, self.key)
        return mine and not set(targets).isdisjoint(self.targets)

    def concerns(self, agent: str) -> bool:
        names = [self.source, self.targets[1], *self.blocks]
        return subsystem(agent) in map(subsystem, names)

    def stops(self, agent: str) -> bool:
        return self.is_open and subsystem(agent) in map(subsystem, self.blocks)

    @property
    def urgency(self) -> tuple[int, int, int]:
        return self.priority, SEVERITIES.index(self.severity), self.number

    def row(self) -> Json:
        return {
            "conflict_id": self.number,
            "source_agent": self.source,
            "reported_to": self.targets[0],
            "target_agent": self.targets[1],
            "conflict_key": self.key,
            "severity": self.severity,
            "priority": self.priority,
            "blocks_agents": self.blocks,
            "reports": self.reports,
            "status": "open" if self.is_open else "resolved",
        }


class Conflicts(RuleBasedStateMachine):
    """Calls by chance. Each answer must be what the model says, and so must every read."""

    base: Api  # of the test

    def __init__(self) -> None:
        super().__init__()
        name = f"{self.base.workspace}-{next(_numbers)}"
        self.api = make_workspace(self.base.http, self.base.stack, name)
        self.known: list[Conflict] = []

    # What agents do

    @rule(
        source=SOURCES,
        to=TARGETS,
        key=KEYS,
        severity=st.sampled_from(SEVERITIES),
        priority=st.integers(1, 4),
        blocks=st.lists(AGENTS, max_size=2),
    )
    def report(
        self, source: str, to: str, key: str | None, severity: str, priority: int,
        blocks: list[str],
    ) -> None:  # fmt: skip
        found = [one for one in self.known if one.is_of(source, key, to)]
        if found:
            (conflict,) = found
            conflict.severity, conflict.priority, conflict.blocks = severity, priority, blocks
            conflict.reports += 1
            conflict.events.append("reported")
        else:
            number = len(self.known) + 1
            conflict = Conflict(number, source, (to, to), key, severity, priority, blocks)
            self.known.append(conflict)
        self.expect(
            "log_conflict",
            conflict,
            source=source,
            target=to,
            conflict_key=key,
            severity=severity,
            priority=priority,
            blocks=blocks,
            description="?",
        )

    @rule(number=NUMBERS, by=AGENTS)
    def resolve(self, number: int, by: str) -> None:
        call = {"conflict_id": number, "resolution": "!", "resolved_by": by}
        conflict = self.find(number)
        if conflict is None:
            self.refuse("resolve_conflict", "unknown_conflict", **call)
        elif not conflict.is_open:
            self.refuse("resolve_conflict", "conflict_already_resolved", **call)
        else:
            conflict.is_open = False
            conflict.events.append("resolved")
            self.expect("resolve_conflict", conflict, **call)

    @rule(number=NUMBERS, by=AGENTS)
    def reopen(self, number: int, by: str) -> None:
        call = {"conflict_id": number, "agent_name": by, "reason": "?"}
        conflict = self.find(number)
        if conflict is None:
            self.refuse("reopen_conflict", "unknown_conflict", **call)
        elif conflict.is_open:
            self.refuse("reopen_conflict", "conflict_not_resolved", **call)
        elif self.others(conflict, *conflict.targets):
            self.refuse("reopen_conflict", "conflict_duplicate", **call)
        else:
            conflict.is_open = True
            conflict.events.append("reopened")
            self.expect("reopen_conflict", conflict, **call)

    @rule(number=NUMBERS, by=AGENTS, to=TARGETS)
    def reassign(self, number: int, by: str, to: str) -> None:
        call = {"conflict_id": number, "target_agent": to, "agent_name": by, "reason": "?"}
        conflict = self.find(number)
        if conflict is None:
            self.refuse("reassign_conflict", "unknown_conflict", **call)
        elif not conflict.is_open:
            self.refuse("reassign_conflict", "conflict_already_resolved", **call)
        elif self.others(conflict, to):
            self.refuse("reassign_conflict", "conflict_duplicate", **call)
        else:
            conflict.targets = (conflict.targets[0], to)
            conflict.events.append("reassigned")
            self.expect("reassign_conflict", conflict, **call)

    @rule(number=NUMBERS, by=AGENTS)
    def note(self, number: int, by: str) -> None:
        call = {"conflict_id": number, "agent_name": by, "note": "?"}
        conflict = self.find(number)
        if conflict is None:
            self.refuse("add_conflict_note", "unknown_conflict", **call)
            return
        conflict.events.append("note")
        row = self.api.do("add_conflict_note", **call)
        assert (row["event"], row["event_id"]) == ("note", len(conflict.events))

    @rule(agent=AGENTS)
    def check_out(self, agent: str) -> None:
        (answer,) = self.api.do(
            "checkout_subsystem", subsystem="skeleton", agent_name=agent, execution_id=agent
        )
        critical = [one for one in self.blocking(agent) if one.severity == "critical"]
        assert (answer["lease"] is None) == bool(critical)
        assert [row["conflict_id"] for row in answer["blocked_by"] or []] == numbers(critical)
        lease = {"resource_type": "subsystem", "resource_name": "skeleton"}
        released = self.api.do("release_lock", **lease, execution_id=agent)
        assert bool(released) is not bool(critical)

    @rule(agent=AGENTS, number=NUMBERS)
    def look(self, agent: str, number: int) -> None:
        blocking = self.blocking(agent)
        assert self.api.do("is_blocked", agent_name=agent) is bool(blocking)
        assert self.numbers("blocked_by", agent_name=agent) == numbers(blocking)
        waited = self.api.do("wait_until_unblocked", agent_name=agent)
        assert waited["blocked"] is bool(blocking)
        assert [row["conflict_id"] for row in waited["conflicts"]] == numbers(blocking)
        concerned = [one for one in self.known if one.is_open and one.concerns(agent)]
        assert self.numbers("get_active_conflicts", agent_name=agent) == numbers(concerned)
        conflict = self.find(number)
        if conflict is not None:
            events = self.api.do("get_conflict_history", conflict_id=number)
            assert [event["event"] for event in events] == conflict.events
            assert [event["event_id"] for event in events] == list(range(1, len(events) + 1))

    # What always holds

    @invariant()
    def every_conflict_is_as_it_should_be(self) -> None:
        rows = self.api.rows("conflicts", order="conflict_id")
        assert [shown(row) for row in rows] == [one.row() for one in self.known]

    def teardown(self) -> None:
        """The state goes through a file and comes out as it was."""
        document = self.api.do("export_state")
        copy = Api(self.api.http, self.api.stack, f"{self.api.workspace}-copy")
        copy.operate("init_workspace", workspace_name=copy.workspace, with_defaults=False)
        copy.operate("import_state", document=document)
        assert copy.do("export_state")["conflicts"] == document["conflicts"]

    # How

    def find(self, number: int) -> Conflict | None:
        return self.known[number - 1] if number <= len(self.known) else None

    def others(self, conflict: Conflict, *targets: str) -> list[Conflict]:
        """Open ones that would be the same if this one were open and had these targets."""
        wanted = (*targets, conflict.targets[0])
        return [
            one
            for one in self.known
            if one is not conflict and one.is_of(conflict.source, conflict.key, *wanted)
        ]

    def blocking(self, agent: str) -> list[Conflict]:
        return [one for one in self.known if one.stops(agent)]

    def numbers(self, function: str, **arguments: Any) -> list[int]:
        return [row["conflict_id"] for row in self.api.do(function, **arguments)]

    def expect(self, function: str, conflict: Conflict, **arguments: Any) -> None:
        assert shown(self.api.do(function, **arguments)) == conflict.row()

    def refuse(self, function: str, slug: str, **arguments: Any) -> None:
        status, answer = self.api.call(function, **arguments)
        assert (answer["message"], status >= 400) == (slug, True), answer
        assert json.loads(answer["details"])["conflict_id"] == arguments["conflict_id"]


def shown(row: Json) -> Json:
    """What the model knows of a row."""
    return {key: row[key] for key in Conflict(0, "", ("", ""), None, "", 0, []).row()}


def numbers(conflicts: list[Conflict]) -> list[int]:
    """The most urgent first."""
    return [one.number for one in sorted(conflicts, key=lambda one: one.urgency)]


def test_conflicts_are_as_their_model_whatever_agents_do(api: Api) -> None:
    machine = type("Machine", (Conflicts,), {"base": api})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=20, stateful_step_count=50, deadline=None)
    )
