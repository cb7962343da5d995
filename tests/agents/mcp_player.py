"""The seven agents of the humanoid example, played on the MCP tools alone.

What an agent decides is the example's own; here is only how it sees and acts by tools. What its
status has no column for stands in its design, under `report`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.agents.mcp_support import Server, ToolFailed

from humanoid.decisions import GiveUp, MoveBudgets, Redesign
from humanoid.domain.amounts import RESOURCES, Amounts, amounts_of
from humanoid.domain.briefs import first_briefs
from humanoid.domain.requirements import parse_requirements
from humanoid.flow import (
    ARCHITECT,
    BUDGET,
    CONVERGED,
    DOES_NOT_CONVERGE,
    READS,
    Record,
    Requirement,
    View,
    agent_of,
    constraints_of,
    downstream,
)
from humanoid.plan import Answer, Commission, Finish, moves_of, plan, stage_of
from humanoid.proposals import Brief, Designer, status_of, work_out
from humanoid.steps import Stop, Wait, next_step

# Others changed what a step was made from, so it was refused: look again.
OVERTAKEN = ("lease_lost", "stale_inputs", "stale_version", "over_budget", "already_resolved")
# What is not logged, such as a lease that has lapsed, is noticed so late.
LOOKS_AGAIN_S = 2.0
ASKS_EVERY_S = 0.5
# Parts of a step, at whose end its agent checks in.
NO_NEWS = ("interfaces_updated", "design_updated")
Json = dict[str, Any]


class Player:
    """One agent at its tools; `step` does what there is to do and answers the verdict, if any."""

    def __init__(self, server: Server, subsystem: str) -> None:
        self.subsystem, self._server = subsystem, server
        self._me = {"agent_name": agent_of(subsystem)}
        self._reports: dict[str, Json] = {}

    def play(self, seconds: float) -> str:
        """Until there is a verdict: which."""
        ends_at = time.monotonic() + seconds
        cursor = self.call("news")["cursor"]
        while time.monotonic() < ends_at:
            try:
                if verdict := self.step():
                    return verdict
            except ToolFailed as problem:
                if not any(slug in str(problem) for slug in OVERTAKEN):
                    raise
                self.call("release", name=self.subsystem)
            looks_again_at = time.monotonic() + LOOKS_AGAIN_S
            while time.monotonic() < looks_again_at:
                page = self.call("news", cursor=cursor)
                cursor = page["cursor"]
                if any(self._concerns_me(entry) for entry in page["entries"]):
                    break
                time.sleep(ASKS_EVERY_S)
        raise TimeoutError(f"{self.subsystem} had no verdict within {seconds:g} s")

    def _concerns_me(self, entry: Json) -> bool:
        return entry["agent"] != self._me["agent_name"] and entry["activity"] not in NO_NEWS

    def step(self) -> str | None:
        raise NotImplementedError

    # --- seeing ---

    def call(self, tool: str, **arguments: Any) -> Json:
        reads = tool in ("overview", "read_document", "news")
        return self._server.call(tool, **arguments, **({} if reads else self._me))

    def document(self, subsystem: str, kind: str) -> tuple[int, Json]:
        read = self.call("read_document", subsystem=subsystem, document=kind, detail="full")
        return read["version"], read["content"]

    def view(self, watched: list[str], limits: Json | None) -> View:
        """The state as far as this agent is concerned."""
        board = {row["name"]: row for row in self.call("overview", detail="full")["subsystems"]}
        names = {ARCHITECT, self.subsystem, *watched}
        records = {name: self._record(name, board.get(name, {})) for name in names}
        conflicts = self.call("my_situation", detail="full")["conflicts"]
        commissioned = watched if self.subsystem == ARCHITECT else [self.subsystem]
        return View(
            records=records,
            constraints=constraints_of(limits or self._limits(records[ARCHITECT])),
            requirements={
                name: Requirement(*self.document(name, "requirements")) for name in commissioned
            },
            conflicts=[
                {**one, "source_agent": one["source"], "conflict_key": BUDGET} for one in conflicts
            ],
        )

    def _record(self, name: str, row: Json) -> Record:
        report, iteration = self._reports.get(name, {}), row.get("iteration", 0)
        if name == ARCHITECT or report.get("iteration", 0) != iteration:
            report = self.document(name, "design")[1].get("report", {})
            self._reports[name] = report
        if name == ARCHITECT:  # its status says what the customer has ordered
            report = {**self.document(name, "status")[1]["metadata"], **report}
        # Written between the two looks, or being written: taken for stale.
        fresh = iteration == report.get("iteration", 0) and not row.get("held_by")
        return Record(
            name,
            row.get("state", "not_started"),
            amounts_of({one: row.get(one, 0) for one in RESOURCES}),
            report,
            stale=not fresh or bool(row.get("stale_inputs")),
        )

    def _limits(self, architect: Record) -> Json:
        # For which customer they are, the architect has written down with the commission.
        customer = architect.metadata.get("commissioned")
        return {"metadata": {"customer": customer}, "budget_allocations": {}}

    # --- acting ---

    def save(self, subsystem: str, kind: str, content: Json) -> None:
        base = self.document(subsystem, kind)[0]
        self.call("save", subsystem=subsystem, document=kind, base_version=base, set={"": content})

    def checked_out(self, act: Callable[[Json], str | None], reads: tuple[str, ...]) -> str | None:
        """What `act` answers that may work on the subsystem; it checks in, or nothing is left."""
        taken = self.call(
            "checkout", subsystem=self.subsystem, wait_seconds=5, ttl_seconds=120, reads=list(reads)
        )
        return act(taken) if taken["granted"] else None


class DesignPlayer(Player):
    """A designing agent."""

    def __init__(self, server: Server, designer: Designer) -> None:
        super().__init__(server, designer.subsystem)
        self._designer = designer

    def step(self) -> str | None:
        step = next_step(self.subsystem, self.view(list(READS[self.subsystem]), None))
        if isinstance(step, Stop):
            return step.verdict
        if not isinstance(step, Wait):
            self.checked_out(self._design, READS[self.subsystem])
        return None

    def _design(self, taken: Json) -> None:
        name = self.subsystem
        version, wanted = self.document(name, "requirements")
        budget = {row["quantity"]: row for row in self.call("my_situation")["budget"]}
        limits = Amounts(*(budget.get(one, {}).get("allocated") or 0 for one in RESOURCES))
        inputs = {source: self.document(source, "interfaces")[1] for source in READS[name]}
        level = int(wanted.get("level", 0))
        outcome = work_out(self._designer, Brief(wanted, level, limits, inputs))
        status = status_of(outcome, version, taken["status"]["iteration"] + 1)
        proposal = outcome.proposal
        if proposal:
            self.save(name, "interfaces", proposal.published)
        self.save(name, "design", {**(proposal.design if proposal else {}), "report": status})
        columns = ("state", *(f"current_{one}" for one in RESOURCES), "iteration")
        figures = {column: status[column] for column in columns}
        self.call("checkin", subsystem=name, **figures, note=outcome.reason)
        if proposal is None:
            blocks = [agent_of(one) for one in downstream(name)]
            report = {"severity": "high", "priority": 2, "target": ARCHITECT, "blocks": blocks}
            self.call("report_conflict", description=outcome.reason, **report)
            return
        for conflict in taken.get("conflicts", ()):
            if conflict["source"] == agent_of(name):
                self.call("settle_conflict", conflict_id=conflict["conflict_id"],
                          resolution="designed again")  # fmt: skip


class ArchitectPlayer(Player):
    """The architect. It plans under its lock, with the limits that come with the checkout."""

    def step(self) -> str | None:
        return self.checked_out(self._act, ())

    def _act(self, taken: Json) -> str | None:
        view = self.view(list(READS), taken["limits"])
        action, verdict = plan(view), None
        match action:
            case Stop(reached):
                verdict = reached
            case Commission(subsystems):
                self._commission(view, subsystems)
            case Answer(conflict_id, MoveBudgets() as move):
                self._move(view, move, conflict_id)
            case Answer(_, Redesign() as redesign):
                changes = {"/level": redesign.level, "/reason": redesign.reason}
                base = view.requirements[redesign.subsystem].version
                self.call("save", subsystem=redesign.subsystem, document="requirements",
                          base_version=base, set=changes)  # fmt: skip
            case Answer(_, GiveUp() as end):
                self._report(verdict=_verdict(view, DOES_NOT_CONVERGE, end.reason))
            case Finish():
                self._report(verdict=_verdict(view, CONVERGED, "all complete and within limits"))
        if isinstance(action, Wait):
            self.call("release", name=ARCHITECT)
        else:
            ended = isinstance(action, Finish) or verdict == CONVERGED
            self.call("checkin", subsystem=ARCHITECT, state="complete" if ended else "planning")
        return verdict

    def _commission(self, view: View, subsystems: list[str]) -> None:
        briefs = first_briefs(parse_requirements(self.document(ARCHITECT, "requirements")[1]))
        order = {"customer": view.customer, "level": 0, "reason": "first requirements"}
        for name in subsystems:
            self.save(name, "requirements", {**briefs[name], **order})
        self._report(commissioned=view.customer)

    def _move(self, view: View, move: MoveBudgets, conflict_id: int) -> None:
        counts = moves_of(view)
        counts[move.source] = counts.get(move.source, 0) + 1
        self._report(moves={"at_stage": stage_of(view), "counts": counts})
        for giver, amounts in move.gifts.items():
            self.call("move_budget", from_subsystem=giver, to_subsystem=move.source,
                      reason=move.reason, **amounts.as_dict())  # fmt: skip
        self.call("settle_conflict", conflict_id=conflict_id, resolution=move.reason)

    def _report(self, **parts: Any) -> None:
        base, _ = self.document(ARCHITECT, "design")
        changes = {f"/report/{name}": value for name, value in parts.items()}
        self.call("save", subsystem=ARCHITECT, document="design", base_version=base, set=changes)


def _verdict(view: View, result: str, reason: str) -> Json:
    return {"customer": view.customer, "result": result, "reason": reason}
