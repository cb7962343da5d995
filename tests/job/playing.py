"""Plays a whole design in one process: the agents' own steps, in any order, on a fake state."""

from __future__ import annotations

from random import Random
from typing import Any, cast

from tests.job.fake_state import FakeState

from humanoid.agents import actuation, integration, power, sensing, shell, skeleton
from humanoid.agents.system_architect import ROLE
from humanoid.customer import order
from humanoid.desk import Role, read_view, role_of, take_turn
from humanoid.flow import ARCHITECT, READS, Json
from humanoid.proposals import Designer
from humanoid.steps import Stop, Wait
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
    roles = [ROLE, *map(role_of, DESIGNERS.values())]
    for _ in range(steps):
        random.shuffle(roles)
        if not any(acts(state, role) for role in roles):
            verdict = read_view(state, ARCHITECT).verdict
            if verdict is None:
                raise Stuck(fake.activity[-5:])
            return verdict
    raise Stuck(f"no verdict after {steps} steps: {fake.activity[-20:]}")


def acts(state: SharedState, role: Role) -> bool:
    """Whether there was something to do for an agent, and it did it."""
    step = role.next_step(read_view(state, role.subsystem))
    return not isinstance(step, Stop | Wait) and take_turn(state, role)
