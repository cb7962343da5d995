"""The checker on histories made by chance, against a lock that is simulated and a naive search."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.history.checker import NEVER, Model, Operation, State, check
from tests.history.models import FencedMutex, Register

SEEDS = st.integers(0, 2**32)
SIZES = st.integers(0, 40)
JITTER = st.floats(0.0, 5.0)
QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class SimulatedLock:
    """A fenced lock that knows the exact time."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.token = 0
        self.lapses_at = -NEVER
        self.holder = 0

    def do(self, now: float) -> Operation:
        if now > self.lapses_at:
            self.holder = 0
        kind = self.dice.choice(["acquire", "renew", "release", "write", "write", "free"])
        token = self.dice.randint(max(1, self.token - 1), self.token + 1)
        ttl = self.dice.choice([1.5, 4.5, 30.5])
        if kind == "acquire":
            return Operation(kind, now, now, self.acquire(now, ttl), (ttl,))
        if kind == "free":
            self.holder = 0
            return Operation(kind, now, now, True)
        is_held = self.holder == token
        if kind == "renew":
            if is_held:
                self.lapses_at = now + ttl
            return Operation(kind, now, now, is_held, (token, ttl))
        if kind == "release" and is_held:
            self.holder = 0
        return Operation(kind, now, now, is_held, (token,))

    def acquire(self, now: float, ttl: float) -> int | None:
        if self.holder:
            return None
        self.token += 1
        self.holder, self.lapses_at = self.token, now + ttl
        return self.token


def lock_history(dice: random.Random, size: int) -> list[Operation]:
    """Operations one after the other, each in no time at all."""
    lock = SimulatedLock(dice)
    return [lock.do(float(now)) for now in range(size)]


def register_history(dice: random.Random, size: int) -> list[Operation]:
    value = 0
    history = []
    for number in range(size):
        now = float(number)
        if dice.random() < 0.4:
            history.append(Operation("read", now, now, value))
            continue
        old, new = dice.choice([value, dice.randint(0, 3)]), dice.randint(0, 3)
        history.append(Operation("compare_and_set", now, now, old == value, (old, new)))
        value = new if old == value else value
    return history


def jittered(dice: random.Random, history: list[Operation], jitter: float) -> list[Operation]:
    """Each operation was called some time before it took effect, and answered some time after."""
    return [
        replace(
            one,
            called=one.called - dice.uniform(0, jitter),
            returned=one.returned + dice.uniform(0, jitter),
        )
        for one in history
    ]


def with_lost_answers(dice: random.Random, history: list[Operation]) -> list[Operation]:
    """At most five answers are lost; and some calls never arrive."""
    lost = set(dice.sample(range(len(history)), min(len(history), 5)))
    kept = [
        replace(one, returned=NEVER, answer=None) if number in lost else one
        for number, one in enumerate(history)
    ]
    vanished = [replace(one, returned=NEVER, answer=None) for one in history[:3]]
    return kept + vanished


@QUICK
@given(SEEDS, SIZES, JITTER)
def test_what_a_lock_did_is_accepted_however_long_its_calls_took(
    seed: int, size: int, jitter: float
) -> None:
    dice = random.Random(seed)
    history = jittered(dice, lock_history(dice, size), jitter)
    dice.shuffle(history)
    verdict = check(history, FencedMutex())
    assert verdict, str(verdict)


@QUICK
@given(SEEDS, st.integers(0, 25), st.floats(0, 2))
def test_what_a_lock_did_is_accepted_whichever_answers_were_lost(
    seed: int, size: int, jitter: float
) -> None:
    dice = random.Random(seed)
    history = with_lost_answers(dice, jittered(dice, lock_history(dice, size), jitter))
    verdict = check(history, FencedMutex())
    assert verdict, str(verdict)


@QUICK
@given(SEEDS, SIZES, JITTER)
def test_what_a_register_did_is_accepted(seed: int, size: int, jitter: float) -> None:
    dice = random.Random(seed)
    history = jittered(dice, register_history(dice, size), jitter)
    assert check(history, Register())
    assert check(with_lost_answers(dice, history), Register())


@QUICK
@given(SEEDS, st.integers(1, 40))
def test_a_wrong_answer_of_a_lock_is_noticed(seed: int, size: int) -> None:
    """Without overlaps every answer is certain, so any other one is wrong."""
    dice = random.Random(seed)
    history = lock_history(dice, size)
    number = dice.choice([n for n, one in enumerate(history) if one.kind != "free"] or [-1])
    if number < 0:
        return
    one = history[number]
    last = max((o.answer for o in history[:number] if o.kind == "acquire" and o.answer), default=0)
    wrong: object
    if one.kind != "acquire":
        wrong = not one.answer
    else:
        wrong = last + 1 if one.answer is None else dice.choice([None, last])
    history[number] = replace(one, answer=wrong)
    assert not check(history, FencedMutex())


@QUICK
@given(SEEDS, SIZES, JITTER)
def test_a_token_that_was_given_before_is_noticed_however_long_calls_took(
    seed: int, size: int, jitter: float
) -> None:
    dice = random.Random(seed)
    history = jittered(dice, lock_history(dice, size), jitter)
    granted = [one for one in history if one.kind == "acquire" and one.answer]
    if granted:
        again = replace(granted[-1], called=size + 100.0, returned=size + 101.0)
        assert not check([*history, again], FencedMutex())


@QUICK
@given(SEEDS, st.integers(1, 40))
def test_a_wrong_answer_of_a_register_is_noticed(seed: int, size: int) -> None:
    dice = random.Random(seed)
    history = register_history(dice, size)
    number = dice.randrange(size)
    one = history[number]
    wrong = one.answer + 1 if one.kind == "read" else not one.answer
    history[number] = replace(one, answer=wrong)
    assert not check(history, Register())


@QUICK
@given(SEEDS, SIZES, JITTER)
def test_a_value_that_nobody_wrote_is_noticed_however_long_calls_took(
    seed: int, size: int, jitter: float
) -> None:
    dice = random.Random(seed)
    history = jittered(dice, register_history(dice, size), jitter)
    history.append(Operation("read", 0.0, size / 2, 99))
    assert not check(history, Register())


# Against a search without any cleverness


def naive(history: Sequence[Operation], model: Model[State]) -> bool:
    """Every order of everything, with each pending operation or without it."""
    completed = [one for one in history if not one.is_pending]
    pending = [one for one in history if one.is_pending]
    for count in range(len(pending) + 1):
        for some in itertools.combinations(pending, count):
            for order in itertools.permutations([*completed, *some]):
                if in_real_time(order) and explains(order, model):
                    return True
    return False


def in_real_time(order: Sequence[Operation]) -> bool:
    return all(
        later.returned >= earlier.called for earlier, later in itertools.combinations(order, 2)
    )


def explains(order: Sequence[Operation], model: Model[State]) -> bool:
    states = {model.initial}
    for operation in order:
        states = {after for state in states for after in model.step(state, operation)}
    return bool(states)


def scrambled(dice: random.Random, history: list[Operation]) -> list[Operation]:
    """The same with calls that overlap and answers of which some are wrong or missing."""
    changed = []
    for one in jittered(dice, history, 3):
        answer, returned = one.answer, one.returned
        if dice.random() < 0.2 and one.kind != "acquire":
            answer = one.answer + 1 if one.kind == "read" else not one.answer
        if dice.random() < 0.2:
            returned = NEVER
        changed.append(replace(one, answer=answer, returned=returned))
    return changed


@QUICK
@given(SEEDS, st.integers(0, 6))
def test_the_verdict_is_that_of_a_naive_search(seed: int, size: int) -> None:
    dice = random.Random(seed)
    locks = scrambled(dice, lock_history(dice, size))
    assert bool(check(locks, FencedMutex())) == naive(locks, FencedMutex())
    registers = scrambled(dice, register_history(dice, size))
    assert bool(check(registers, Register())) == naive(registers, Register())


def test_the_naive_search_and_the_checker_see_both_verdicts() -> None:
    """The comparison above would say nothing if nearly all histories had the same verdict."""
    verdicts = []
    for seed in range(300):
        dice = random.Random(seed)
        verdicts.append(bool(check(scrambled(dice, lock_history(dice, 6)), FencedMutex())))
    assert 0.1 < sum(verdicts) / len(verdicts) < 0.9
