"""Is there one order of the operations that explains all answers? Wing and Gong's search.

With Lowe's refinement: configurations (which operations were put in order, and the state then) that
were seen before are not searched again. An operation without an answer may have taken effect at any
time after its call, or never.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

NEVER = math.inf


@dataclass(frozen=True)
class Operation:
    """One call: from when to when (seconds on one monotonic clock), and what it answered.

    `returned` is NEVER, and `answer` means nothing, where no answer came.
    """

    kind: str
    called: float
    returned: float = NEVER
    answer: Any = None
    arguments: tuple[Any, ...] = ()
    process: str = ""

    @property
    def is_pending(self) -> bool:
        return self.returned == NEVER


State = TypeVar("State", bound=Hashable)


class Model(Protocol[State]):
    """A sequential specification."""

    @property
    def initial(self) -> State: ...

    def step(self, state: State, operation: Operation) -> Iterable[State]:
        """The states in which the operation may leave `state`; none if its answer is impossible.

        For a pending operation those of each answer that it could have had.
        """
        ...


@dataclass(frozen=True)
class Verdict:
    """`order` explains all answers, or is the longest order that explains some."""

    is_linearizable: bool
    order: list[Operation] = field(default_factory=list)
    unexplained: list[Operation] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.is_linearizable

    def __str__(self) -> str:
        if self.is_linearizable:
            return "linearizable"
        lines = ["no order explains these answers; the longest that explains some ends with"]
        lines += [f"  {operation}" for operation in self.order[-8:]]
        lines += ["and none of these can come next:"]
        lines += [f"  {operation}" for operation in self.unexplained[:8]]
        return "\n".join(lines)


@dataclass
class _Events:
    """Calls and returns in order of time, from which operations are taken out and put back.

    Event 0 is the head; the event after the last one is 0 again.
    """

    operations: Sequence[Operation]
    number: list[int] = field(default_factory=lambda: [-1])
    is_call: list[bool] = field(default_factory=lambda: [False])
    after: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    return_of: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        times = []
        for number, operation in enumerate(self.operations):
            # At the same moment calls come first: then the two overlap, and nothing is claimed.
            times.append((operation.called, 0, number))
            if not operation.is_pending:
                times.append((operation.returned, 1, number))
        for position, (_, kind, number) in enumerate(sorted(times), start=1):
            self.number.append(number)
            self.is_call.append(kind == 0)
            if kind == 1:
                self.return_of[number] = position
        count = len(self.number)
        self.after = [*range(1, count), 0]
        self.before = [count - 1, *range(count - 1)]

    def take_out(self, call: int) -> None:
        for event in self._both(call):
            self.after[self.before[event]] = self.after[event]
            self.before[self.after[event]] = self.before[event]

    def put_back(self, call: int) -> None:
        for event in reversed(self._both(call)):
            self.after[self.before[event]] = event
            self.before[self.after[event]] = event

    def _both(self, call: int) -> list[int]:
        end = self.return_of.get(self.number[call])
        return [call] if end is None else [call, end]

    def candidates(self) -> list[Operation]:
        """What may come next: the calls before the first return."""
        found = []
        event = self.after[0]
        while event and self.is_call[event]:
            found.append(self.operations[self.number[event]])
            event = self.after[event]
        return found


@dataclass
class _Step(Generic[State]):
    """An operation that was put in order, and how to undo that or to try it otherwise."""

    call: int
    state_before: State
    other_states: Iterator[State]


def check(history: Sequence[Operation], model: Model[State]) -> Verdict:
    """Whether the history is linearizable; the verdict tells the order, or where it ends."""
    return _Search(history, model).run()


class _Search(Generic[State]):
    def __init__(self, history: Sequence[Operation], model: Model[State]) -> None:
        self.history = history
        self.model = model
        self.events = _Events(history)
        self.state = model.initial
        self.done = 0
        self.missing = sum(not operation.is_pending for operation in history)
        self.steps: list[_Step[State]] = []
        self.seen: set[tuple[int, State]] = set()
        self.longest: list[int] = []
        self.stuck: list[Operation] = []

    def run(self) -> Verdict:
        event = self.events.after[0]
        while self.missing:
            if event and self.events.is_call[event]:
                operation = self.history[self.events.number[event]]
                states = iter(self.model.step(self.state, operation))
                event = self.events.after[event if not self.put(event, states) else 0]
                continue
            # The next event is an answer: one of the calls before it had to come first.
            self.remember_longest()
            if not self.steps:
                order = [self.history[number] for number in self.longest]
                return Verdict(False, order, self.stuck)
            step = self.undo()
            event = self.events.after[0 if self.put(step.call, step.other_states) else step.call]
        return Verdict(True, self.order())

    def put(self, call: int, states: Iterator[State]) -> bool:
        """Put an operation next, in the first of its states that leads to somewhere new."""
        number = self.events.number[call]
        is_pending = self.history[number].is_pending
        for state in states:
            if is_pending and state == self.state:
                continue  # the same as that it never took effect
            configuration = (self.done | 1 << number, state)
            if configuration in self.seen:
                continue
            self.seen.add(configuration)
            self.steps.append(_Step(call, self.state, states))
            self.events.take_out(call)
            self.state, self.done = state, configuration[0]
            self.missing -= not is_pending
            return True
        return False

    def undo(self) -> _Step[State]:
        step = self.steps.pop()
        number = self.events.number[step.call]
        self.events.put_back(step.call)
        self.state = step.state_before
        self.done ^= 1 << number
        self.missing += not self.history[number].is_pending
        return step

    def order(self) -> list[Operation]:
        return [self.history[self.events.number[step.call]] for step in self.steps]

    def remember_longest(self) -> None:
        if len(self.steps) >= len(self.longest):
            self.longest = [self.events.number[step.call] for step in self.steps]
            self.stuck = self.events.candidates()
