"""The job from order to result: starts the agents, shows the board, tells how it ended."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from humanoid.board import (
    ORDER,
    activity_line,
    bill_summary,
    conflict_table,
    live_board,
    loud,
    status_table,
)
from humanoid.customer import order, read_requirements
from humanoid.domain.requirements import RequirementsError
from humanoid.flow import ARCHITECT, CONVERGED, INTEGRATION, Json
from humanoid.team import Team
from humanoid.waiting import WaitedTooLong, wait_until
from sharedstate import SharedState
from sharedstate.errors import ResourceLocked, SharedStateError

DEFAULT_REQUIREMENTS = Path(__file__).with_name("requirements.json")
TIME_LIMIT_S = 120.0
FRAME_S = 0.2
ORDER_PATIENCE_S = 40.0  # an architect that was killed holds its lock for up to 30 s
RECENT = 200

OK, FAILED, BAD_REQUIREMENTS, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 converged, 1 not, 2 bad requirements, 130 interrupted."""
    options = parser().parse_args(arguments)
    console = Console()
    try:
        wanted = read_requirements(options.requirements)
    except RequirementsError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return BAD_REQUIREMENTS
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with SharedState(f"humanoid-run-{os.getpid()}-{uuid.uuid4().hex[:8]}") as state:
            return Run(state, console, options.time_limit).carry_out(wanted)
    except (SharedStateError, WaitedTooLong) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted: all agents are stopped; run it again to go on", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="run.py", description="Seven agents design a humanoid robot through shared state."
    )
    made.add_argument(
        "--requirements",
        type=Path,
        default=DEFAULT_REQUIREMENTS,
        metavar="FILE",
        help="what the customer wants, as JSON (default: requirements.json beside run.py)",
    )
    made.add_argument(
        "--time-limit",
        type=_seconds,
        default=TIME_LIMIT_S,
        metavar="SECONDS",
        help="give up after so long (default: %(default)g)",
    )
    return made


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86400:
        raise argparse.ArgumentTypeError("more than 0 and at most 86400 seconds")
    return value


class Run:
    """One run of the job in one workspace."""

    def __init__(self, state: SharedState, console: Console, time_limit_s: float) -> None:
        self.state = state
        self.console = console
        self.time_limit_s = time_limit_s
        self.seen = 0

    def carry_out(self, wanted: Json) -> int:
        """Orders, lets the agents work, and reports. Raises SharedStateError."""
        newest = self.state.get_recent_activity(limit=1)
        self.seen = newest[0]["id"] if newest else 0
        wait_until(lambda: self._order(wanted), patience_s=ORDER_PATIENCE_S, what="the architect")
        started = time.monotonic()
        with Team(self.time_limit_s) as team:
            failure = self._watch(team, started + self.time_limit_s)
        if failure:
            self._show_board()
            print(f"failed: {failure}\nrun it again to go on where it was", file=sys.stderr)
            return FAILED
        return self._report(time.monotonic() - started)

    def _order(self, wanted: Json) -> int | None:
        try:
            return order(self.state, wanted)
        except ResourceLocked:
            return None

    def _watch(self, team: Team, end: float) -> str | None:
        """Shows the board until all agents have ended: what went wrong, or None."""
        if not self.console.is_terminal:
            return self._watch_with(team, end, self._print_news)
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            return self._watch_with(team, end, lambda: live.update(self._frame(), refresh=True))

    def _watch_with(self, team: Team, end: float, show: Any) -> str | None:
        while True:
            ended = team.wait(FRAME_S)
            show()
            if (failure := team.failure()) is not None or ended:
                return failure
            if time.monotonic() >= end:
                return f"no result within {self.time_limit_s:g} s"

    def _frame(self) -> Any:
        recent = self.state.get_recent_activity(limit=RECENT)
        fresh = [entry for entry in recent if entry["id"] > self.seen]
        return live_board(self.state.get_system_status(), fresh)

    def _print_news(self) -> None:
        recent = self.state.get_recent_activity(limit=RECENT)
        news = sorted((e for e in recent if e["id"] > self.seen), key=lambda entry: entry["id"])
        for entry in loud(news):
            print(activity_line(entry), flush=True)
        if news:
            self.seen = news[-1]["id"]

    def _show_board(self) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = list(self.state.get_system_status())
        self.console.print(status_table(rows, None), "")
        return rows

    def _report(self, seconds: float) -> int:
        rows = self._show_board()
        conflicts = self._all_conflicts()
        self.console.print(conflict_table(conflicts), "")
        design = self.state.get_subsystem_design(INTEGRATION)
        architect = self.state.get_subsystem_status(ARCHITECT)
        verdict = (architect["metadata"].get("verdict") or {}) if architect else {}
        if verdict.get("result") != CONVERGED:
            print(f"does not converge: {verdict.get('reason', 'no verdict was reached')}")
            return FAILED
        bill = design["design_data"] if design else {}
        if found := shortcomings(rows, conflicts, bill):
            print(f"does not converge: {'; '.join(found)}")
            return FAILED
        self.console.print(bill_summary(bill), "")
        for note in bill["notes"]:
            print(f"note: {note}")
        print(f"converged in {seconds:.1f} s: {len(bill['bill_of_materials'])} lines of parts")
        return OK

    def _all_conflicts(self) -> list[Json]:
        """Also the resolved ones, which are read from the table like any other."""
        query = self.state.supabase.table("conflicts").select("*")
        answer = query.eq("workspace", self.state.workspace).order("conflict_id").execute()
        rows: list[Any] = answer.data
        return rows


def shortcomings(
    rows: Sequence[Mapping[str, Any]], conflicts: Sequence[Json], bill: Json
) -> list[str]:
    """What speaks against a verdict of convergence. Nobody is believed without looking."""
    by_name = {row["name"]: row for row in rows}
    found = [
        f"{name} is not complete"
        for name in ORDER
        if name not in by_name or by_name[name]["state"] != "complete"
    ]
    found += [
        f"{n} is over its budget"
        for n in ORDER
        if n in by_name and by_name[n]["within_budget"] is False
    ]
    found += [f"conflict #{c['conflict_id']} is open" for c in conflicts if c["status"] == "open"]
    if not bill.get("bill_of_materials"):
        found.append("there is no bill of materials")
    return found
