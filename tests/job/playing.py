"""Plays a whole design in one process: the agents' own steps, in any order, on a fake state."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, cast

from tests.job.fake_state import FakeState

from humanoid.agents import actuation, integration, power, sensing, shell, skeleton
from humanoid.agents.system_architect import act
from humanoid.customer import order
from humanoid.desk import design_once, read_view
from humanoid.flow import ARCHITECT, READS, Json, agent_of
from humanoid.plan import Stop
from humanoid.proposals import Designer
from humanoid.steps import Design, next_step
from sharedstate import SharedState

MODULES: dict[str, Any] = {
    "skeleton": skeleton,
    "actuation": actuation,
    "sensing": sensing,
    "power": power,
    "shell": shell,
    "integration": integration,
}
DESIGNERS = {name: Designer(name, MODULES[name].LEVELS, MODULES[name].design) for name in READS}


class Stuck(AssertionError):
    """Nobody has anything to do, and there is no verdict."""


def play(wanted: Json, seed: int = 0, *, fake: FakeState | None = None, steps: int = 1000) -> str:
    """Lets the agents act in random order until there is a verdict. Raises Stuck."""
    fake = fake if fake is not None else FakeState()
    state, random = cast(SharedState, fake), Random(seed)
    order(state, wanted)
    actors: list[Callable[[], bool]] = [lambda: _architect_acts(state)]
    actors += [_designer_acts(state, name) for name in READS]
    for _ in range(steps):
        random.shuffle(actors)
        if not any(actor() for actor in actors):
            verdict = read_view(state, ARCHITECT, READS).verdict
            if verdict is None:
                raise Stuck(fake.activity[-5:])
            return verdict
    raise Stuck(f"no verdict after {steps} steps: {fake.activity[-20:]}")


def _architect_acts(state: SharedState) -> bool:
    action = act(state)
    return action is not None and not isinstance(action, Stop)


def _designer_acts(state: SharedState, name: str) -> Callable[[], bool]:
    def acts() -> bool:
        step = next_step(name, read_view(state, agent_of(name), [name]))
        return isinstance(step, Design) and design_once(state, DESIGNERS[name])

    return acts
