"""Budgets over HTTP against a model: never is more allocated, or strictly used, than there is."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.sql.support import Api

Json = dict[str, Any]
TOTAL = 20.0
SUBSYSTEMS = ("power", "shell", "skeleton")
BUDGETS = st.sampled_from([*SUBSYSTEMS, "reserve"])
RUNS = st.sampled_from(["run-1", "run-2"])
# Halves, which are exact in every representation.
MASSES = st.integers(0, 24).map(lambda halves: halves / 2)
SOME = st.integers(1, 10).map(lambda halves: halves / 2)
PLACES = st.integers(0, 5)
START = {"power": 6.0, "shell": 5.0, "skeleton": 5.0, "reserve": 4.0}
_numbers = itertools.count()


def start(base: Api) -> Api:
    """A fresh workspace with these budgets and nothing used."""
    api = Api(base.http, base.stack, f"{base.workspace}-budgets-{next(_numbers)}")
    api.operate("init_workspace", workspace_name=api.workspace, with_defaults=False)
    allocations = {name: {"mass_kg": mass} for name, mass in START.items()}
    limits = {"total_mass_kg_max": TOTAL, "budget_allocations": allocations}
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
    mass: float


class Refused(Exception):
    """The model says that this is over budget."""


class Model:
    """The rules of budgets, of one quantity."""

    def __init__(self) -> None:
        self.allocated = dict(START)
        self.used = dict.fromkeys(SUBSYSTEMS, 0.0)
        self.within: dict[str, bool | None] = dict.fromkeys(SUBSYSTEMS, True)
        self.holds: list[Hold] = []

    def held(self, budget: str, but: str | None = None) -> float:
        return sum(one.mass for one in self.holds if one.budget == budget and one.run != but)

    def over(self, budget: str) -> bool:
        return self.used.get(budget, 0) > self.allocated.get(budget, TOTAL * 100)

    def judge(self, name: str) -> None:
        if name in self.within:
            self.within[name] = None if name not in self.allocated else not self.over(name)

    def write(self, name: str, mass: float, run: str, strict: bool) -> None:
        limit = self.allocated.get(name)
        if strict and limit is not None and mass + self.held(name, but=run) > limit:
            raise Refused
        self.spend(name, run, mass - self.used[name])
        self.used[name] = mass
        self.judge(name)

    def spend(self, budget: str, run: str, mass: float) -> None:
        for one in self.holds:
            if (one.budget, one.run) == (budget, run):
                spent = max(0.0, min(mass, one.mass))
                one.mass, mass = one.mass - spent, mass - spent
        self.holds = [one for one in self.holds if one.mass > 0]

    def move(self, source: str, target: str, mass: float, run: str, named: Hold | None) -> None:
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
        self.allocated[source] = left
        self.allocated[target] = self.allocated.get(target, 0) + mass
        self.judge(source)
        self.judge(target)

    def allocate(self, masses: dict[str, float]) -> None:
        if sum(masses.values()) > TOTAL:
            raise Refused
        for name, old in self.allocated.items():
            new = masses.get(name, 0)
            held = self.held(name)
            if new < old and held > 0 and self.used.get(name, 0) + held > new:
                raise Refused
        changed = {
            name
            for name in {*masses, *self.allocated}
            if masses.get(name) != self.allocated.get(name)
        }
        self.allocated = dict(masses)
        for name in changed:
            self.judge(name)

    def has(self, budget: str, mass: float) -> bool:
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
            self.model.write(name, mass, run, strict)
        except Refused:
            self.refuse("update_subsystem_status", "over_budget", **call, strict=True)
        else:
            row = self.api.do("update_subsystem_status", **call, strict=strict)
            assert row["within_budget"] is self.model.within[name]

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
            self.model.allocate(masses)
        except Refused:
            self.refuse("update_global_constraints", "over_budget", **call)
        else:
            self.api.do("update_global_constraints", **call)

    @rule(budget=BUDGETS, mass=SOME, run=RUNS)
    def reserve(self, budget: str, mass: float, run: str) -> None:
        rows = self.api.do(
            "reserve_budget", subsystem=budget, agent_name="x", execution_id=run, mass_kg=mass
        )
        assert len(rows) == self.model.has(budget, mass)
        if rows:
            self.model.holds.append(Hold(rows[0]["reservation_id"], budget, run, mass))

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
        found = {row["name"]: (row["allocated"], row["used"], row["held"]) for row in rows}
        expected = {
            name: (self.model.allocated.get(name), used, self.model.held(name))
            for name in START
            for used in [self.model.used.get(name, 0)]
            if name in self.model.allocated or used > 0
        }
        assert found == expected
        assert sum(row["allocated"] or 0 for row in rows) <= TOTAL
        assert all(row["held"] <= (row["allocated"] or 0) for row in rows)

    @invariant()
    def overruns_have_one_conflict_each_and_nothing_else_has(self) -> None:
        rows = self.api.rows("conflicts", status="eq.open", order="source_agent")
        over = [name for name in SUBSYSTEMS if self.model.over(name)]
        assert [row["source_agent"] for row in rows] == over
        for row in rows:
            used = row["details"]["overruns"]["mass_kg"]["used"]
            assert used == self.model.used[row["source_agent"]]

    @invariant()
    def every_status_knows_whether_it_is_within_budget(self) -> None:
        rows = self.api.rows("subsystems")
        assert {row["name"]: row["within_budget"] for row in rows} == self.model.within

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
            self.model.move(source, target, mass, run, named)
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
    assert sum(row["allocated"] for row in rows) == TOTAL
    assert all(row["used"] + row["held"] <= row["allocated"] for row in rows), rows
    assert fresh.rows("conflicts") == []
