"""When a lock is renewed, and when its client counts it as lost: with a clock of its own."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

import pytest

from sharedstate import _clock, errors
from sharedstate._held import Grant, Held, next_look
from sharedstate.types import Lease

AWAY = errors.ServiceUnavailable("away")
LEASE = Lease("door", "narrow", "agent", "run", 7, datetime(2026, 11, 22, tzinfo=UTC))


def _held(ttl: int, since: float = 100.0, lifetime: float = 0.0) -> Held:
    return Held(Grant((LEASE,), "id", since, lifetime or min(ttl, 10)), ttl, now=since)


def test_a_fresh_lease_is_short_and_extended_half_a_second_after_it_was_taken() -> None:
    held = _held(300)
    assert held.due == pytest.approx(100.5)
    # Counted from when its holder got it, which may be later than what its time counts from.
    late = Held(Grant((LEASE,), "id", 100.0, 10.0), 300, now=102.0)
    assert late.due == pytest.approx(102.5)
    too_late = Held(Grant((LEASE,), "id", 100.0, 10.0), 300, now=108.0)
    assert too_late.due < 108
    assert held.deadline <= 110
    held.renewed(held.due, [LEASE])
    assert held.deadline > 390


@pytest.mark.parametrize("ttl", [1, 2, 9, 10])
def test_a_lease_that_has_its_full_time_is_renewed_at_a_third_of_it(ttl: int) -> None:
    assert _held(ttl).due == pytest.approx(100 + ttl / 3)


def test_after_each_renewal_the_next_is_a_third_of_the_ttl_later() -> None:
    held = _held(300)
    held.renewed(100.3, [LEASE])
    assert held.due == pytest.approx(200.3)
    held.renewed(200.4, [LEASE])
    assert held.due == pytest.approx(300.4)


@pytest.mark.parametrize("ttl", [1, 3, 60, 300, 86400])
def test_a_lock_counts_as_lost_before_the_sending_of_its_renewal_plus_the_ttl(ttl: int) -> None:
    held = _held(ttl)
    held.renewed(150.0, [LEASE])
    assert 150 + ttl * 0.97 <= held.deadline < 150 + ttl
    assert not held.has_lapsed(held.deadline - 0.001)
    assert held.has_lapsed(held.deadline)


def test_a_renewal_without_an_answer_leaves_time_for_others_before_a_fresh_lease_ends() -> None:
    held = _held(300)
    now, tries = held.due, 0
    while now < held.deadline:
        patience = held.patience_s(now)
        assert patience <= (held.deadline - now) / 2 or patience <= 0.3
        held.not_renewed(now + patience, AWAY)
        now, tries = held.due, tries + 1
    assert tries >= 4


def test_the_answer_to_an_older_renewal_takes_no_time_away() -> None:
    held = _held(300)
    held.renewed(150.0, [LEASE])
    until = held.deadline
    held.renewed(120.0, [LEASE])
    assert held.deadline == until


def test_a_renewal_without_an_answer_is_tried_again_until_the_end() -> None:
    held = _held(3)
    now, tries = 101.0, 0
    while now < held.deadline:
        held.not_renewed(now, AWAY)
        assert now < held.due
        now, tries = held.due, tries + 1
    assert tries >= 10
    held = _held(300, lifetime=300)
    held.not_renewed(200.0, AWAY)
    assert held.due == 202


def test_no_renewal_is_waited_for_longer_than_the_lease_lasts() -> None:
    held = _held(3)
    assert held.patience_s(100.0) == 1.0
    assert held.patience_s(102.5) <= 0.5


def test_the_background_thread_wakes_at_the_earliest_renewal_or_deadline() -> None:
    assert next_look([]) == math.inf
    one, two = _held(300), _held(3)
    one.renewed(100.0, [LEASE])
    assert next_look([one, two]) == two.due
    two.is_renewing = True  # nothing is due of it but its end
    assert next_look([two]) == two.deadline
    assert next_look([one, two]) == two.deadline < one.due


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="no such clock here")
def test_the_time_for_which_the_machine_sleeps_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "clock_gettime", {time.CLOCK_BOOTTIME: 5.0}.__getitem__)
    assert _clock.now() == 5.0
