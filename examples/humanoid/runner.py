"""The job from order to result: starts the agents, shows the board, tells how it ended."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
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
from sharedstate import ActivityFeed, SharedState
from sharedstate.errors import SharedStateError

DEFAULT_REQUIREMENTS = Path(__file__).with_name("requirements.json")
TIME_LIMIT_S = 120.0
FRAME_S = 0.2
ENTRIES_PER_FRAME = 20
RECENT = 200

OK, FAILED, BAD_REQUIREMENTS, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 converged, or checked; 1 not, 2 bad requirements, 130 interrupted."""
    options = parser().parse_args(arguments)
    console = Console()
    try:
        wanted = read_requirements(options.requirements)
    except RequirementsError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return BAD_REQUIREMENTS
    if options.check:
        return OK
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with SharedState(f"humanoid-run-{os.getpid()}-{uuid.uuid4().hex[:8]}") as state:
            return Run(state, console, options.time_limit).carry_out(wanted)
    except SharedStateError as problem:
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
    made.add_argument("--check", action="store_true", help="only read the requirements")
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
        self.recent: deque[Mapping[str, Any]] = deque(maxlen=RECENT)  # newest first

    def carry_out(self, wanted: Json) -> int:
        """Orders, lets the agents work, and reports. Raises SharedStateError."""
        with self.state.follow_activity(poll_seconds=FRAME_S, timeout=FRAME_S) as news:
            order(self.state, wanted)
            started = time.monotonic()
            with Team(self.time_limit_s) as team, self._live() as show:
                failure = self._watch(team, news, show)
        if failure:
            self._show_board()
            print(f"failed: {failure}\nrun it again to go on where it was", file=sys.stderr)
            return FAILED
        return self._report(time.monotonic() - started)

    def _watch(self, team: Team, news: ActivityFeed, show: Callable[[], None]) -> str | None:
        """Shows what is logged until all agents have ended: what went wrong, or None."""
        ends_at = time.monotonic() + self.time_limit_s
        while True:
            ended, failure = team.has_ended(), team.failure()
            for entry in islice(news, None if ended else ENTRIES_PER_FRAME):
                self._note(entry)
            show()
            if ended or failure:
                return failure
            if time.monotonic() >= ends_at:
                return f"no result within {self.time_limit_s:g} s"

    def _note(self, entry: Mapping[str, Any]) -> None:
        self.recent.appendleft(entry)
        if not self.console.is_terminal and loud([entry]):
            print(activity_line(entry), flush=True)

    @contextmanager
    def _live(self) -> Iterator[Callable[[], None]]:
        """Draws the board anew whenever it is called; on a terminal only."""
        if not self.console.is_terminal:
            yield lambda: None
            return
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            yield lambda: live.update(
                live_board(self.state.get_system_status(), self.recent), refresh=True
            )

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
        if found := shortcomings(rows, conflicts, bill, self.state.get_budget_usage("robot")):
            print(f"does not converge: {'; '.join(found)}")
            return FAILED
        self.console.print(bill_summary(bill), "")
        for note in bill["notes"]:
            print(f"note: {note}")
        print(f"converged in {seconds:.1f} s: {len(bill['bill_of_materials'])} lines of parts")
        return OK

    def _all_conflicts(self) -> list[Json]:
        """Also the resolved ones, which are read from the table like any other; with histories."""
        query = self.state.supabase.table("conflicts").select("*")
        answer = query.eq("workspace", self.state.workspace).order("conflict_id").execute()
        rows: list[Any] = answer.data
        return [
            {**row, "history": self.state.get_conflict_history(row["conflict_id"])} for row in rows
        ]


def shortcomings(
    rows: Sequence[Mapping[str, Any]],
    conflicts: Sequence[Json],
    bill: Json,
    robot: Sequence[Mapping[str, Any]],
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
    found += [
        f"the robot is over its limit: {line['quantity']} {line['used']:g} of {line['allocated']:g}"
        for line in robot
        if line["allocated"] is not None and line["used"] > line["allocated"]
    ]
    if not bill.get("bill_of_materials"):
        found.append("there is no bill of materials")
    return found
