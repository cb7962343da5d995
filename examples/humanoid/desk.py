"""Where an agent meets the shared state: its loop, its view, and a designing agent's step."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from humanoid.flow import (
    ARCHITECT,
    DESIGN,
    READS,
    View,
    agent_of,
    constraints_of,
    downstream,
    records_of,
    requirement_of,
)
from humanoid.proposals import Brief, Designer, status_of, work_out
from humanoid.steps import Stop, Wait, next_step
from sharedstate import SharedState
from sharedstate.errors import (
    ConflictAlreadyResolved,
    LeaseLost,
    OverBudget,
    SharedStateError,
    StaleInputs,
    StaleVersion,
)
from sharedstate.types import Blocked, Checkout

LEASE_S = 30  # a step takes milliseconds; after a crash nobody waits longer than this
PATIENCE_S = 300.0
# What is not logged is noticed so late: a lease that has lapsed, a hand in the tables.
LOOK_AGAIN_S = 1.0

# Others changed what a step was made from, so it was refused.
OVERTAKEN = (LeaseLost, StaleInputs, StaleVersion, OverBudget, ConflictAlreadyResolved)
CHATTER = {"started", "stopped", "waiting", "lock_waited"}


class WaitedTooLong(TimeoutError):
    """There was nothing to do for as long as an agent's patience lasts."""


@dataclass(frozen=True, slots=True)
class Role:
    """What an agent does: `next_step` decides from its view whether to `act`, alone."""

    subsystem: str
    next_step: Callable[[View], object]
    act: Callable[[SharedState, Checkout], None]

    @property
    def agent(self) -> str:
        return agent_of(self.subsystem)


def read_view(state: SharedState, subsystem: str) -> View:
    """The state as far as the subsystem's agent is concerned."""
    statuses, overview = state.get_all_subsystem_statuses(), state.get_system_status()
    watched = READS if subsystem == ARCHITECT else [subsystem]
    return View(
        records=records_of(statuses, overview),
        constraints=constraints_of(state.get_global_constraints()),
        requirements={
            name: requirement_of(state.get_subsystem_requirements(name)) for name in watched
        },
        conflicts=[dict(row) for row in state.get_active_conflicts(agent_of(subsystem))],
    )


def work_until_stopped(state: SharedState, role: Role, patience_s: float) -> str:
    """Acts whenever there is something to do, until the design is ended: the verdict.

    In between it waits for entries in the log, for whatever others change is told there.
    """
    told: str | None = None
    gives_up_at = time.monotonic() + patience_s
    while time.monotonic() < gives_up_at:
        # It begins before the look, so that nothing is missed that is written after it.
        with state.follow_activity(timeout=LOOK_AGAIN_S) as news:
            step = role.next_step(read_view(state, role.subsystem))
            if isinstance(step, Stop):
                return step.verdict
            if isinstance(step, Wait):
                reason = step.reason
            elif take_turn(state, role):
                gives_up_at = time.monotonic() + patience_s
                continue
            else:
                reason = hindrance(state, role.agent)
            if reason and reason != told:
                state.log_agent_activity(role.agent, "waiting", {"for": reason})
            told = reason
            any(is_news(entry, state.execution_id) for entry in news)
    raise WaitedTooLong(f"there was nothing to do for {patience_s:g} s")


def is_news(entry: Mapping[str, Any], execution_id: str) -> bool:
    """Whether an entry of the log may give somebody else's execution something to do."""
    return entry["activity"] not in CHATTER and entry["execution_id"] != execution_id


def take_turn(state: SharedState, role: Role) -> bool:
    """Locks and acts. False when the agent is blocked, another holds the lock, or was faster."""
    if not state.wait_until_unblocked(role.agent, timeout=LOOK_AGAIN_S):
        return False
    with checked_out(state, role.subsystem) as checkout:
        if not checkout:
            return False
        try:
            role.act(state, checkout)
        except OVERTAKEN as problem:
            state.log_agent_activity(role.agent, problem.slug)
            return False
    return True


def hindrance(state: SharedState, agent: str) -> str:
    """What an agent waits for that has something to do."""
    blockers = state.blocked_by(agent)
    return f"the resolution of conflict #{blockers[0]['conflict_id']}" if blockers else "its turn"


@contextmanager
def checked_out(state: SharedState, subsystem: str) -> Iterator[Checkout | Blocked | None]:
    """A checkout that is released at the end, whatever happens; false while it cannot be had."""
    with undisturbed():
        checkout = state.checkout_subsystem(
            subsystem, agent_of(subsystem), ttl_seconds=LEASE_S, reads=READS.get(subsystem, ())
        )
        try:
            yield checkout
        finally:
            if checkout:
                state.release_lock("subsystem", subsystem)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Puts off a request to end: one that came while a call is under way would leave a lock behind.

    For the main thread alone, as all handling of signals in Python.
    """
    asked: list[int] = []
    usual = signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)
        if asked:
            sys.exit(128 + asked[0])


def design_once(designer: Designer, state: SharedState, checkout: Checkout) -> None:
    """Computes from what was read with the lock, and writes what came of it. Raises OVERTAKEN."""
    name = designer.subsystem
    requirement = requirement_of(checkout.requirements)
    limits = constraints_of(checkout.constraints).budgets[name]
    inputs = {row["subsystem_name"]: row["interfaces"] for row in checkout.inputs}
    outcome = work_out(designer, Brief(requirement.content, requirement.level, limits, inputs))
    proposal = outcome.proposal
    iteration = checkout.status["iteration"] + 1 if checkout.status else 1
    state.checkin_subsystem(
        name,
        agent_of(name),
        status_of(outcome, requirement.version, iteration),
        interfaces=proposal.published if proposal else None,
        design_data=proposal.design if proposal else None,
        activity=f"design_{outcome.state}",
        details=proposal.used.as_dict() if proposal else {"reason": outcome.reason},
        strict=outcome.fits,  # unless the budget shrank meanwhile
    )
    if proposal is None:
        # The database watches budgets; that there is no design at all, only the agent knows. One
        # that is open already, after a crash between checking in and this, is counted on itself.
        state.log_conflict(
            "high", agent_of(name), ARCHITECT, outcome.reason, priority=2,
            blocks=[agent_of(reader) for reader in downstream(name)], conflict_key=DESIGN,
        )  # fmt: skip
        return
    for row in checkout.conflicts:
        if row["source_agent"] == agent_of(name) and row["conflict_key"] == DESIGN:
            state.resolve_conflict(row["conflict_id"], "designed again", agent_of(name))


def run_agent(role: Role) -> NoReturn:
    """Main function of every agent: ends with 0 when there is a verdict, whichever it is.

    An agent that is asked to end gives back its lock on the way out.
    """
    parser = argparse.ArgumentParser(description=f"{role.agent} of the humanoid design.")
    parser.add_argument("--patience", type=float, default=PATIENCE_S, help="seconds (%(default)s)")
    patience_s = parser.parse_args().patience
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with SharedState(f"{role.agent}-{os.getpid()}-{uuid.uuid4().hex[:8]}") as state:
            state.log_agent_activity(role.agent, "started", {"pid": os.getpid()})
            verdict = work_until_stopped(state, role, patience_s)
            state.log_agent_activity(role.agent, "stopped", {"verdict": verdict})
    except (SharedStateError, WaitedTooLong) as problem:
        sys.exit(f"{role.agent}: {problem}")
    sys.exit(0)


def role_of(designer: Designer) -> Role:
    """What a designing agent does."""
    name = designer.subsystem
    return Role(name, partial(next_step, name), partial(design_once, designer))


def run_designer(designer: Designer) -> NoReturn:
    """Main function of the designing agents."""
    run_agent(role_of(designer))
