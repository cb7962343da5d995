"""The checker on histories whose verdict is known."""

from __future__ import annotations

import pytest
from tests.history.checker import Operation, check
from tests.history.models import FencedMutex, Register, op

History = list[Operation]
TTL = 10

GOOD_LOCKS: dict[str, History] = {
    "nothing": [],
    "one lease from grant to release": [
        op("acquire", 0, 1, 1, TTL),
        op("write", 2, 3, True, 1),
        op("release", 4, 5, True, 1),
    ],
    "two leases one after the other": [
        op("acquire", 0, 1, 1, TTL),
        op("release", 2, 3, True, 1),
        op("acquire", 4, 5, 2, TTL),
        op("write", 6, 7, True, 2),
    ],
    "a waiter is granted while the release is still under way": [
        op("acquire", 0, 1, 1, TTL),
        op("acquire", 1, 4, 2, TTL),
        op("release", 3, 6, True, 1),
    ],
    "tokens may leave out numbers": [
        op("acquire", 0, 1, 3, TTL),
        op("release", 2, 3, True, 3),
        op("acquire", 4, 5, 9, TTL),
    ],
    "an acquire call is refused while it is held": [
        op("acquire", 0, 1, 1, TTL),
        op("acquire", 2, 3, None, TTL),
    ],
    "a lapsed lease is taken over, and its holder refused": [
        op("acquire", 0, 1, 1, TTL),
        op("acquire", 10.5, 12, 2, TTL),
        op("write", 13, 14, False, 1),
        op("renew", 14, 15, False, 1, TTL),
        op("release", 15, 16, False, 1),
    ],
    "a renewed lease lasts longer": [
        op("acquire", 0, 1, 1, TTL),
        op("renew", 8, 9, True, 1, TTL),
        op("write", 17, 17.5, True, 1),
    ],
    "a renewal may also shorten it": [
        op("acquire", 0, 1, 1, TTL),
        op("renew", 2, 3, True, 1, 1),
        op("acquire", 3.5, 4.5, 2, TTL),
    ],
    "a write that overlaps the take-over may come before it": [
        op("acquire", 0, 1, 1, TTL),
        op("acquire", 10, 13, 2, TTL),
        op("write", 9, 14, True, 1),
    ],
    "a write that overlaps the take-over may come after it": [
        op("acquire", 0, 1, 1, TTL),
        op("acquire", 10, 13, 2, TTL),
        op("write", 9, 14, False, 1),
    ],
    "a release without an answer has freed it": [
        op("acquire", 0, 1, 1, TTL),
        op("release", 2, None, None, 1),
        op("acquire", 3, 4, 2, TTL),
    ],
    "a release without an answer was never done": [
        op("acquire", 0, 1, 1, TTL),
        op("release", 2, None, None, 1),
        op("write", 3, 4, True, 1),
    ],
    "a release without an answer is done late": [
        op("acquire", 0, 1, 1, TTL),
        op("release", 2, None, None, 1),
        op("write", 3, 4, True, 1),
        op("write", 5, 6, False, 1),
    ],
    "an acquire call without an answer took it": [
        op("acquire", 0, None, None, TTL),
        op("acquire", 2, 3, None, TTL),
        op("acquire", 11, 12, 2, TTL),
    ],
    "an acquire call without an answer never took it": [
        op("acquire", 0, None, None, TTL),
        op("acquire", 2, 3, 1, TTL),
    ],
    "an acquire call without an answer took it, and its client came to know the token": [
        op("acquire", 0, None, None, TTL),
        op("write", 2, 3, True, 1),
        op("release", 4, 5, True, 1),
    ],
    "a renewal without an answer made it last longer": [
        op("acquire", 0, 1, 1, TTL),
        op("renew", 8, None, None, 1, TTL),
        op("write", 15, 16, True, 1),
    ],
    "an operator's word ends a lease": [
        op("acquire", 0, 1, 1, TTL),
        op("free", 2, 3, True),
        op("acquire", 4, 5, 2, TTL),
        op("write", 6, 7, False, 1),
    ],
}

BAD_LOCKS: dict[str, History] = {
    "two hold it at once": [op("acquire", 0, 1, 1, TTL), op("acquire", 2, 3, 2, TTL)],
    "the same token twice": [
        op("acquire", 0, 1, 1, TTL),
        op("release", 2, 3, True, 1),
        op("acquire", 4, 5, 1, TTL),
    ],
    "a token that is smaller": [
        op("acquire", 0, 1, 5, TTL),
        op("release", 2, 3, True, 5),
        op("acquire", 4, 5, 4, TTL),
    ],
    "it is refused although it is free": [
        op("acquire", 0, 1, 1, TTL),
        op("release", 2, 3, True, 1),
        op("acquire", 4, 5, None, TTL),
    ],
    "it is refused although it has lapsed": [
        op("acquire", 0, 1, 1, TTL),
        op("acquire", 12, 13, None, TTL),
    ],
    "a write after the release": [
        op("acquire", 0, 1, 1, TTL),
        op("release", 2, 3, True, 1),
        op("write", 4, 5, True, 1),
    ],
    "a write after the lease has lapsed": [
        op("acquire", 0, 1, 1, TTL),
        op("write", 11.5, 12, True, 1),
    ],
    "a write after another took it over": [
        op("acquire", 0, 1, 1, TTL),
        op("acquire", 10, 11, 2, TTL),
        op("write", 12, 13, True, 1),
    ],
    "a write with a token that nobody has yet": [op("write", 0, 1, True, 1)],
    "a write is refused within the lease": [
        op("acquire", 0, 1, 1, TTL),
        op("write", 2, 3, False, 1),
    ],
    "it is taken over before it can have lapsed": [
        op("acquire", 0, 1, 1, TTL),
        op("renew", 5, 6, True, 1, TTL),
        op("acquire", 11, 12, 2, TTL),
    ],
    "it is released twice": [
        op("acquire", 0, 1, 1, TTL),
        op("release", 2, 3, True, 1),
        op("release", 4, 5, True, 1),
    ],
    "a renewal brings a lapsed lease back": [
        op("acquire", 0, 1, 1, TTL),
        op("renew", 12, 13, True, 1, TTL),
    ],
    "a release without an answer is done and then undone": [
        op("acquire", 0, 1, 1, TTL),
        op("release", 2, None, None, 1),
        op("write", 3, 4, False, 1),
        op("write", 5, 6, True, 1),
    ],
    "one release without an answer frees two leases": [
        op("acquire", 0, 1, 1, TTL),
        op("release", 2, None, None, 1),
        op("acquire", 3, 4, 2, TTL),
        op("acquire", 5, 6, 3, TTL),
    ],
    "a release frees it before it was called": [
        op("acquire", 0, 1, 1, TTL),
        op("acquire", 2, 3, 2, TTL),
        op("release", 4, None, None, 1),
    ],
    "an acquire call without an answer took it, with a number left for nobody": [
        op("acquire", 0, 1, 1, TTL),
        op("release", 1, 2, True, 1),
        op("acquire", 3, None, None, TTL),
        op("acquire", 4, 5, None, TTL),
        op("acquire", 13, 14, 2, TTL),
    ],
    "of one acquire call without an answer two tokens are used": [
        op("acquire", 0, None, None, TTL),
        op("write", 2, 3, True, 1),
        op("write", 4, 5, True, 2),
    ],
    "two operations that each fit alone, but in no one order": [
        op("acquire", 0, 1, 1, TTL),
        op("acquire", 2, 20, 2, TTL),
        # The take-over is after 10, so this refusal, which needs it, cannot be before 9.
        op("write", 2, 9, False, 1),
    ],
}

GOOD_REGISTERS: dict[str, History] = {
    "nothing": [],
    "a read of the first value": [op("read", 0, 1, 0)],
    "a change and a read of it": [
        op("compare_and_set", 0, 1, True, 0, 1),
        op("read", 2, 3, 1),
    ],
    "a read beside a change sees the old value": [
        op("compare_and_set", 0, 3, True, 0, 1),
        op("read", 1, 2, 0),
    ],
    "a read beside a change sees the new value": [
        op("compare_and_set", 0, 3, True, 0, 1),
        op("read", 1, 2, 1),
    ],
    "of two changes at once one wins": [
        op("compare_and_set", 0, 3, True, 0, 1),
        op("compare_and_set", 0, 3, False, 0, 2),
        op("read", 4, 5, 1),
    ],
    "the one that was called later wins": [
        op("compare_and_set", 0, 5, False, 0, 1),
        op("compare_and_set", 1, 4, True, 0, 2),
    ],
    "changes that overlap and build on each other": [
        op("compare_and_set", 0, 9, True, 1, 2),
        op("compare_and_set", 0, 9, True, 2, 3),
        op("compare_and_set", 0, 9, True, 0, 1),
    ],
    "a change without an answer is seen": [
        op("compare_and_set", 0, None, None, 0, 1),
        op("read", 1, 2, 0),
        op("read", 3, 4, 1),
    ],
    "a change without an answer is never seen": [
        op("compare_and_set", 0, None, None, 0, 1),
        op("compare_and_set", 3, 4, True, 0, 2),
    ],
    "a change back": [
        op("compare_and_set", 0, 1, True, 0, 1),
        op("compare_and_set", 2, 3, True, 1, 0),
        op("read", 4, 5, 0),
    ],
}

BAD_REGISTERS: dict[str, History] = {
    "a value that nobody wrote": [op("read", 0, 1, 7)],
    "an old value after the change": [
        op("compare_and_set", 0, 1, True, 0, 1),
        op("read", 2, 3, 0),
    ],
    "a lost update": [
        op("compare_and_set", 0, 1, True, 0, 1),
        op("compare_and_set", 2, 3, True, 0, 2),
    ],
    "two winners at once": [
        op("compare_and_set", 0, 5, True, 0, 1),
        op("compare_and_set", 0, 5, True, 0, 2),
    ],
    "a refusal although the value is right": [
        op("compare_and_set", 0, 1, False, 0, 1),
    ],
    "reads that go back in time": [
        op("compare_and_set", 0, 9, True, 0, 1),
        op("read", 1, 2, 1),
        op("read", 3, 4, 0),
    ],
    "a change that was refused is seen": [
        op("compare_and_set", 0, 3, False, 1, 2),
        op("compare_and_set", 0, 3, True, 0, 1),
        op("read", 4, 5, 2),
    ],
    "a change is seen before its call": [
        op("read", 0, 1, 1),
        op("compare_and_set", 2, None, None, 0, 1),
    ],
    "a change without an answer is seen, and gone": [
        op("compare_and_set", 0, None, None, 0, 1),
        op("read", 1, 2, 1),
        op("read", 3, 4, 0),
    ],
    "a change without an answer counts twice": [
        op("compare_and_set", 0, None, None, 0, 1),
        op("read", 1, 2, 1),
        op("compare_and_set", 3, 4, True, 1, 0),
        op("read", 5, 6, 1),
    ],
    "two orders that contradict each other": [
        op("compare_and_set", 0, 9, True, 0, 1),
        op("compare_and_set", 0, 9, True, 1, 2),
        op("read", 1, 2, 2),
        op("read", 3, 4, 1),
    ],
}


@pytest.mark.parametrize("name", GOOD_LOCKS)
def test_a_history_that_a_fenced_lock_can_have_is_accepted(name: str) -> None:
    verdict = check(GOOD_LOCKS[name], FencedMutex())
    assert verdict, str(verdict)
    completed = [one for one in GOOD_LOCKS[name] if not one.is_pending]
    assert all(one in verdict.order for one in completed)


@pytest.mark.parametrize("name", BAD_LOCKS)
def test_a_history_that_a_fenced_lock_cannot_have_is_refused(name: str) -> None:
    assert not check(BAD_LOCKS[name], FencedMutex())


@pytest.mark.parametrize("name", GOOD_REGISTERS)
def test_a_history_that_a_register_can_have_is_accepted(name: str) -> None:
    assert check(GOOD_REGISTERS[name], Register())


@pytest.mark.parametrize("name", BAD_REGISTERS)
def test_a_history_that_a_register_cannot_have_is_refused(name: str) -> None:
    assert not check(BAD_REGISTERS[name], Register())


def test_the_order_of_the_records_does_not_matter() -> None:
    for histories, expected in ((GOOD_LOCKS, True), (BAD_LOCKS, False)):
        for history in histories.values():
            assert bool(check(history[::-1], FencedMutex())) is expected


def test_a_refusal_says_where_the_explanation_ends() -> None:
    history = BAD_LOCKS["a write after the release"]
    verdict = check(history, FencedMutex())
    assert verdict.order == history[:2]
    assert verdict.unexplained == history[2:]
    assert "none of these can come next" in str(verdict)


def test_clocks_may_differ_by_the_slack_and_no_more() -> None:
    history = [op("acquire", 0, 1, 1, TTL), op("acquire", 9, 9.95, 2, TTL)]
    assert check(history, FencedMutex(slack=0.1))
    assert not check(history, FencedMutex(slack=0.01))


def test_many_operations_at_once_are_searched_in_time() -> None:
    """Sixteen that overlap have 10**13 orders; with the memory of configurations it is quick."""
    history = [op("compare_and_set", 0, 100, True, n, n + 1) for n in range(16)]
    history += [op("compare_and_set", 0, None, None, 50, n) for n in range(8)]
    assert check(history[::-1], Register())
    assert not check([*history, op("read", 101, 102, 3)], Register())
