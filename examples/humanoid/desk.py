"""Where an agent meets the shared state: reading a view, and the loop of a designing agent."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from humanoid.flow import (
    DESIGN,
    READS,
    Json,
    View,
    agent_of,
    basis,
    constraints_of,
    record_of,
    requirement_of,
)
from humanoid.proposals import Brief, Designer, Outcome, conflict_of, status_of, work_out
from humanoid.steps import Design, Stop, Wait, next_step
from humanoid.waiting import WaitedTooLong, wait_until
from sharedstate import SharedState
from sharedstate.errors import LeaseLost, SharedStateError, StaleInputs
from sharedstate.types import Checkout

LEASE_S = 30  # a step takes milliseconds; after a crash nobody waits longer than this
PATIENCE_S = 300.0


def read_view(state: SharedState, agent: str, subsystems: Iterable[str]) -> View:
    """The state as far as `agent` is concerned, with the requirements of these subsystems."""
    return View(
        records={row["name"]: record_of(row) for row in state.get_all_subsystem_statuses()},
        constraints=constraints_of(state.get_global_constraints()),
        requirements={
            name: requirement_of(state.get_subsystem_requirements(name)) for name in subsystems
        },
        conflicts=[dict(row) for row in state.get_active_conflicts(agent)],
    )


def design_until_stopped(state: SharedState, designer: Designer, patience_s: float) -> str:
    """Designs whenever there is something to design, until the architect ends it: the verdict."""
    agent = agent_of(designer.subsystem)
    told: str | None = None

    def look() -> Stop | Design | None:
        nonlocal told
        step = next_step(designer.subsystem, read_view(state, agent, [designer.subsystem]))
        if not isinstance(step, Wait):
            return step
        if step.reason and step.reason != told:
            state.log_agent_activity(agent, "waiting", {"for": step.reason})
        told = step.reason
        return None

    while True:
        step = wait_until(look, patience_s=patience_s, what=f"work for {agent}")
        if isinstance(step, Stop):
            return step.verdict
        wait_until(
            lambda: design_once(state, designer) or None,
            patience_s=patience_s,
            what=f"the lock of {designer.subsystem}",
        )


def design_once(state: SharedState, designer: Designer) -> bool:
    """Lock and read, compute, write and release. False while another holds the lock."""
    with checked_out(state, designer.subsystem) as checkout:
        if not checkout:
            return False
        brief, made_from = brief_of(checkout)
        if brief is None:
            return True  # the order changed between looking and locking: look again
        outcome = work_out(designer, brief)
        try:
            _check_in(state, designer.subsystem, checkout, outcome, made_from)
            _report(state, designer.subsystem, checkout, outcome)
        except (LeaseLost, StaleInputs) as problem:
            # Somebody else designed meanwhile, this subsystem or what it is made from: look again.
            state.log_agent_activity(agent_of(designer.subsystem), problem.slug)
    return True


@contextmanager
def checked_out(state: SharedState, subsystem: str) -> Iterator[Checkout | None]:
    """A checkout that is released at the end, whatever happens; None while it cannot be had."""
    with undisturbed():
        checkout = state.checkout_subsystem(
            subsystem, agent_of(subsystem), ttl_seconds=LEASE_S, reads=READS.get(subsystem, ())
        )
        try:
            yield checkout or None
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


def brief_of(checkout: Checkout) -> tuple[Brief | None, Json]:
    """The brief that a checkout amounts to, and its basis; no brief when it is not complete."""
    constraints = constraints_of(checkout.constraints)
    requirement = requirement_of(checkout.requirements)
    inputs = {row["subsystem_name"]: row["interfaces"] for row in checkout.inputs}
    subsystem = checkout.status["name"]
    if constraints.customer is None or constraints.customer != requirement.customer:
        return None, {}
    if set(inputs) != set(READS[subsystem]):
        return None, {}
    limits = constraints.limits(subsystem)
    revisions = {name: int(inputs[name]["revision"]) for name in READS[subsystem]}
    made_from = basis(requirement, limits, revisions)
    return Brief(requirement.content, requirement.level, limits, inputs), made_from


def _check_in(
    state: SharedState, subsystem: str, checkout: Checkout, outcome: Outcome, made_from: Json
) -> None:
    record = record_of(checkout.status)
    published = checkout.interfaces["interfaces"] if checkout.interfaces else {}
    proposal, revision = outcome.proposal, record.revision
    interfaces = None
    if proposal:
        parts = [part.as_dict() for part in proposal.parts]
        interfaces = {**proposal.interfaces, "parts": parts, "revision": revision}
        if interfaces == published:
            interfaces = None  # the same design: nobody who read it has to look again
        else:
            revision += 1
            interfaces["revision"] = revision
    state.checkin_subsystem(
        subsystem,
        agent_of(subsystem),
        status_of(outcome, made_from, record.iteration + 1, revision),
        interfaces=interfaces,
        design_data=proposal.design if proposal and interfaces else None,
        activity=f"design_{outcome.state}",
        details=proposal.used.as_dict() if proposal else {"reason": outcome.reason},
        release=False,  # a conflict, if there is one, is logged before anybody else looks
    )


def _report(state: SharedState, subsystem: str, checkout: Checkout, outcome: Outcome) -> None:
    """Logs the conflict that the database cannot see, or resolves it when it has ended.

    One that is open already, after a crash between checking in and this, is counted on itself.
    """
    conflict = conflict_of(subsystem, outcome)
    if conflict is not None:
        state.log_conflict(**conflict)
        return
    agent = agent_of(subsystem)
    for row in checkout.conflicts:
        if row["source_agent"] == agent and row["conflict_key"] == DESIGN:
            state.resolve_conflict(row["conflict_id"], "designed again", agent)


def run_agent(subsystem: str, work: Callable[[SharedState, float], str]) -> NoReturn:
    """Main function of every agent: ends with 0 when there is a verdict, whichever it is.

    An agent that is asked to end gives back its lock on the way out.
    """
    parser = argparse.ArgumentParser(description=f"The {subsystem} agent of the humanoid design.")
    parser.add_argument("--patience", type=float, default=PATIENCE_S, help="seconds (%(default)s)")
    patience_s = parser.parse_args().patience
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    agent = agent_of(subsystem)
    try:
        with SharedState(f"{agent}-{os.getpid()}-{uuid.uuid4().hex[:8]}") as state:
            state.log_agent_activity(agent, "started", {"pid": os.getpid()})
            verdict = work(state, patience_s)
            state.log_agent_activity(agent, "stopped", {"verdict": verdict})
    except (SharedStateError, WaitedTooLong) as problem:
        sys.exit(f"{agent}: {problem}")
    sys.exit(0)


def run_designer(designer: Designer) -> NoReturn:
    """Main function of the designing agents."""

    def work(state: SharedState, patience_s: float) -> str:
        return design_until_stopped(state, designer, patience_s)

    run_agent(designer.subsystem, work)
