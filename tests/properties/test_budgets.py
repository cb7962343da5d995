"""Budgets over HTTP against a model: never is more allocated, or strictly used, than there is.

Amounts come with the noise of binary fractions, as programs send them; the model counts exactly.
"""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.sql.support import Api

Json = dict[str, Any]
TOTAL = Decimal(20)
START = {"power": Decimal(6), "shell": Decimal(5), "skeleton": Decimal(5), "reserve": Decimal(2)}
# Nothing is allocated to the arm and the leg at first: they share the 2 kg that the total leaves.
SUBSYSTEMS = ("arm", "leg", "power", "shell", "skeleton")
BUDGETS = st.sampled_from([*SUBSYSTEMS, "reserve"])
RUNS = st.sampled_from(["run-1", "run-2"])
# As sums of tenths: 0.1 * 3 is 0.30000000000000004.
MASSES = st.sampled_from([0, *range(1, 10), *range(10, 125, 5)]).map(lambda tenths: 0.1 * tenths)
SOME = st.integers(1, 50).map(lambda tenths: 0.1 * tenths)
PLACES = st.integers(0, 5)
_numbers = itertools.count()


def exact(mass: float) -> Decimal:
    """What the database makes of a number that it is sent."""
    return Decimal(repr(mass)).quantize(Decimal("0.000001"))


def told(mass: float | None) -> Decimal | None:
    """A number of an answer, digit by digit."""
    return None if mass is None else Decimal(repr(mass))


def start(base: Api) -> Api:
    """A fresh workspace with these budgets and nothing used."""
    api = Api(base.http, base.stack, f"{base.workspace}-budgets-{next(_numbers)}")
    api.operate("init_workspace", workspace_name=api.workspace, with_defaults=False)
    allocations = {name: {"mass_kg": float(mass)} for name, mass in START.items()}
    limits = {"total_mass_kg_max": float(TOTAL), "budget_allocations": allocations}
    api.do("update_global_constraints", constraints=limits, created_by="system_architect")
    for name in SUBSYSTEMS:
        api.do("update_subsystem_status", subsystem=name, status={}, execution_id="run-0")
    return api


@dataclass
class Hold:
    """What the model knows of a reservation."""

    identity: str
    budget: str
    run: str
    mass: Decimal


class Refused(Exception):
    """The model says that this is over budget."""


class Model:
    """The rules of budgets, of one quantity."""

    def __init__(self) -> None:
        self.allocated = dict(START)
        self.used = dict.fromkeys(SUBSYSTEMS, Decimal(0))
        self.holds: list[Hold] = []

    def held(self, budget: str, but: str | None = None) -> Decimal:
        found = (one.mass for one in self.holds if one.budget == budget and one.run != but)
        return sum(found, Decimal(0))

    def over(self, budget: str) -> bool:
        return self.used[budget] > self.allocated.get(budget, TOTAL * 100)

    def unallocated(self) -> Decimal:
        return TOTAL - sum(self.allocated.values())

    def shared_by(self, *others: str) -> Decimal:
        """What all of whom nothing is allocated use, but for these."""
        names = set(self.used) - set(self.allocated) - set(others)
        return sum((self.used[name] for name in names), Decimal(0))

    def robot_is_over(self) -> bool:
        return self.shared_by() > self.unallocated()

    def within(self, name: str) -> bool:
        if name in self.allocated:
            return not self.over(name)
        return not self.robot_is_over() or self.used[name] == 0

    def write(self, name: str, mass: Decimal, run: str, strict: bool) -> None:
        limit = self.allocated.get(name)
        if strict and limit is not None and mass + self.held(name, but=run) > limit:
            raise Refused
        is_over = mass > 0 and mass + self.shared_by(name) > self.unallocated()
        if strict and limit is None and is_over:
            raise Refused
        self.spend(name, run, mass - self.used[name])
        self.used[name] = mass

    def spend(self, budget: str, run: str, mass: Decimal) -> None:
        for one in self.holds:
            if (one.budget, one.run) == (budget, run):
                spent = max(Decimal(0), min(mass, one.mass))
                one.mass, mass = one.mass - spent, mass - spent
        self.holds = [one for one in self.holds if one.mass > 0]

    def move(self, source: str, target: str, mass: Decimal, run: str, named: Hold | None) -> None:
        if mass + self.held(source, but=run) > self.allocated.get(source, 0):
            raise Refused
        before = [Hold(**vars(one)) for one in self.holds]
        if named is not None:
            self.holds = [one for one in self.holds if one.identity != named.identity]
        self.spend(source, run, mass - (named.mass if named else 0))
        left = self.allocated[source] - mass
        if self.held(source) > 0 and self.used.get(source, 0) + self.held(source) > left:
            self.holds = before
            raise Refused
        self.allocated[target] = mass + (
            self.allocated[target] if target in self.allocated else self.beginning(target)
        )
        self.allocated[source] = left

    def beginning(self, name: str) -> Decimal:
        """What a first allocation has before anything is moved to it."""
        left = self.unallocated() - self.shared_by(name)
        return max(Decimal(0), min(self.used.get(name, Decimal(0)), left))

    def allocate(self, masses: dict[str, Decimal]) -> None:
        if sum(masses.values()) > TOTAL:
            raise Refused
        for name, old in self.allocated.items():
            new = masses.get(name, 0)
            held = self.held(name)
            if new < old and held > 0 and self.used.get(name, 0) + held > new:
                raise Refused
        self.allocated = dict(masses)

    def has(self, budget: str, mass: Decimal) -> bool:
        taken = self.used.get(budget, 0) + self.held(budget)
        return taken + mass <= self.allocated.get(budget, 0)


class Budgets(RuleBasedStateMachine):
    """Calls by chance. Each must end as the model says, and so must every read."""

    base: Api  # of the test

    def __init__(self) -> None:
        super().__init__()
        self.api = start(self.base)
        self.model = Model()

    # What agents do

    @rule(name=st.sampled_from(SUBSYSTEMS), mass=MASSES, run=RUNS, strict=st.booleans())
    def write(self, name: str, mass: float, run: str, strict: bool) -> None:
        call = {"subsystem": name, "status": {"current_mass_kg": mass}, "execution_id": run}
        try:
            self.model.write(name, exact(mass), run, strict)
        except Refused:
            self.refuse("update_subsystem_status", "over_budget", **call, strict=True)
        else:
            row = self.api.do("update_subsystem_status", **call, strict=strict)
            assert row["within_budget"] is self.model.within(name)

    @rule(source=BUDGETS, to=BUDGETS, mass=SOME, run=RUNS)
    def move(self, source: str, to: str, mass: float, run: str) -> None:
        self.transfer(source, to, mass, run, None)

    @rule(place=PLACES, to=BUDGETS, mass=SOME)
    def move_what_is_held(self, place: int, to: str, mass: float) -> None:
        if place < len(self.model.holds):
            hold = self.model.holds[place]
            self.transfer(hold.budget, to, mass, hold.run, hold)

    @rule(masses=st.dictionaries(BUDGETS, MASSES))
    def allocate(self, masses: dict[str, float]) -> None:
        allocations = {name: {"mass_kg": mass} for name, mass in masses.items()}
        call = {"constraints": {"budget_allocations": allocations}, "created_by": "x"}
        try:
            self.model.allocate({name: exact(mass) for name, mass in masses.items()})
        except Refused:
            self.refuse("update_global_constraints", "over_budget", **call)
        else:
            self.api.do("update_global_constraints", **call)

    @rule(budget=BUDGETS, mass=SOME, run=RUNS)
    def reserve(self, budget: str, mass: float, run: str) -> None:
        rows = self.api.do(
            "reserve_budget", subsystem=budget, agent_name="x", execution_id=run, mass_kg=mass
        )
        assert len(rows) == self.model.has(budget, exact(mass))
        if rows:
            self.model.holds.append(Hold(rows[0]["reservation_id"], budget, run, exact(mass)))

    @rule(place=PLACES, run=RUNS)
    def release(self, place: int, run: str) -> None:
        if place < len(self.model.holds):
            hold = self.model.holds[place]
            call = {"reservation_id": hold.identity, "execution_id": run}
            assert len(self.api.do("release_budget", **call)) == (run == hold.run)
            if run == hold.run:
                self.model.holds.remove(hold)

    @rule(place=PLACES)
    def time_passes(self, place: int) -> None:
        if place < len(self.model.holds):
            hold = self.model.holds.pop(place)
            self.api.sql(
                "update budget_reservations set expires_at = clock_timestamp() "
                "where workspace = %s and reservation_id = %s",
                self.api.workspace,
                hold.identity,
            )

    # What always holds

    @invariant()
    def usage_is_as_it_should_be(self) -> None:
        rows = self.api.rows("budget_usage", quantity="eq.mass_kg", scope="neq.robot")
        found = {
            row["name"]: tuple(told(row[one]) for one in ("allocated", "used", "held"))
            for row in rows
        }
        expected = {
            name: (self.model.allocated.get(name), used, self.model.held(name))
            for name in {*START, *SUBSYSTEMS}
            for used in [self.model.used.get(name, 0)]
            if name in self.model.allocated or used > 0
        }
        assert found == expected
        assert sum(allocated or 0 for allocated, _, _ in found.values()) <= TOTAL
        assert all(row["held"] <= (row["allocated"] or 0) for row in rows)

    @invariant()
    def overruns_have_one_conflict_each_and_nothing_else_has(self) -> None:
        rows = self.api.rows("conflicts", status="eq.open", order="source_agent")
        over = {name: self.model.used[name] for name in SUBSYSTEMS if self.model.over(name)}
        if self.model.robot_is_over():
            over["robot"] = self.model.shared_by()
        assert [row["source_agent"] for row in rows] == sorted(over)
        for row in rows:
            assert told(row["details"]["overruns"]["mass_kg"]["used"]) == over[row["source_agent"]]

    @invariant()
    def every_status_knows_whether_it_is_within_budget(self) -> None:
        rows = self.api.rows("subsystems")
        found = {row["name"]: row["within_budget"] for row in rows}
        assert found == {name: self.model.within(name) for name in SUBSYSTEMS}

    # How

    def transfer(self, source: str, target: str, mass: float, run: str, named: Hold | None) -> None:
        if source == target:
            return
        call = {
            "from_subsystem": source,
            "to_subsystem": target,
            "mass_kg": mass,
            "reason": "?",
            "agent_name": "x",
            "execution_id": run,
            "reservation_id": named and named.identity,
        }
        try:
            self.model.move(source, target, exact(mass), run, named)
        except Refused:
            self.refuse("transfer_budget", "over_budget", **call)
        else:
            self.api.do("transfer_budget", **call)

    def refuse(self, function: str, slug: str, **arguments: Any) -> None:
        status, answer = self.api.call(function, **arguments)
        assert (status, answer["message"]) == (409, slug), answer
        assert all(one["over"] > 0 for one in json.loads(answer["details"])["overruns"].values())


def test_budgets_are_as_their_model_whatever_agents_do(api: Api) -> None:
    machine = type("Machine", (Budgets,), {"base": api})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=20, stateful_step_count=25, deadline=None)
    )


# At the same time

STRICT = st.tuples(st.just("write"), st.sampled_from(SUBSYSTEMS), MASSES)
HELD = st.tuples(st.just("reserve"), BUDGETS, SOME)
MOVED = st.tuples(st.just("move"), st.sampled_from(SUBSYSTEMS), SOME)


def make(api: Api, number: int, one: tuple[str, str, float]) -> tuple[str, int, str]:
    """One call by an execution of its own, and how it ended."""
    kind, name, mass = one
    run = {"execution_id": f"run-{number}"}
    if kind == "write":
        status = {"current_mass_kg": mass}
        call: Json = {"subsystem": name, "status": status, "strict": True, **run}
        code, answer = api.call("update_subsystem_status", **call)
    elif kind == "reserve":
        call = {"subsystem": name, "agent_name": "x", "mass_kg": mass, **run}
        code, answer = api.call("reserve_budget", **call)
    else:
        call = {"from_subsystem": "reserve", "to_subsystem": name, "mass_kg": mass, **run}
        code, answer = api.call("transfer_budget", **call, reason="?", agent_name="x")
    return kind, code, "" if code == 200 else answer["message"]


@given(calls=st.lists(st.one_of(STRICT, HELD, MOVED), min_size=4, max_size=16))
@settings(max_examples=30, deadline=None)
def test_calls_at_the_same_time_never_take_together_more_than_there_is(
    api: Api, calls: list[tuple[str, str, float]]
) -> None:
    fresh = start(api)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda one: make(fresh, *one), enumerate(calls)))
    assert {(code, slug) for _, code, slug in done} <= {(200, ""), (409, "over_budget")}
    rows = fresh.rows("budget_usage", quantity="eq.mass_kg", scope="neq.robot")
    masses = [[told(row[one]) for one in ("allocated", "used", "held")] for row in rows]
    taken = [used if allocated is None else allocated for allocated, used, _ in masses]
    assert sum(one or 0 for one in taken) <= TOTAL
    assert all(
        allocated is None or (used or 0) + (held or 0) <= allocated
        for allocated, used, held in masses
    ), rows
    assert fresh.rows("conflicts") == []
