"""What is sent when while waiting for a lock: the request alone, with a clock of its own."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from sharedstate import errors
from sharedstate._arguments import pairs_of
from sharedstate._held import Grant
from sharedstate._sync import request
from sharedstate._sync.lock import blocking_wait
from sharedstate._sync.request import LockRequest, Wanted, checked_wait
from sharedstate.types import Lease, LockWait

LEASE = Lease("door", "narrow", "agent", "run", 7, datetime(2026, 11, 22, tzinfo=UTC))
PROVISIONAL = replace(LEASE, provisional=True)
WANTED = Wanted(pairs_of([("door", "narrow")]), "agent", 300, 3)


def _wait(state: Any, leases: tuple[Lease, ...] = (), retry_ms: int = 100) -> LockWait:
    return LockWait(state, leases, 1, retry_ms, ())


@dataclass
class Service:
    """A client that answers calls from a list, each after 0.1 s; its pauses pass on `now`."""

    answers: list[Any]
    now: float = 1000.0
    execution_id: str = "run"
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def follow(self, wait_s: float, wanted: Wanted = WANTED, **options: Any) -> Grant | None:
        with patch.object(request, "_clock", SimpleNamespace(now=lambda: self.now)):
            state: Any = self
            self.request = LockRequest(state, wanted, wait_s, **options)
            grant = self.request.grant()
        assert self.request.is_open == (grant is not None)
        return grant

    def _pause(self, seconds: float) -> None:
        assert seconds >= 0
        self.pauses.append(seconds)
        self.now += seconds

    def _rpc(self, function: str, params: dict[str, Any], read: Any, until: float) -> Any:
        self.sent.append((function, params))
        self.ends.append(until)
        self.now += 0.1
        answer = self._answer()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _answer(self) -> Any:
        if self.sent[-1][0] == "cancel_lock_request":
            return True
        if self.answers:
            return self.answers.pop(0)
        return (LEASE,) if self.sent[-1][0] == "acquire_lock" else _wait("waiting")

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.sent]


def test_a_free_lock_takes_one_call() -> None:
    service = Service([(LEASE,)])
    grant = service.follow(math.inf, in_full=True)
    assert grant == Grant((LEASE,), service.request.request_id, 1000.0, 300.0)
    ((name, sent),) = service.sent
    assert name == "acquire_lock"
    assert (sent["wait_seconds"], sent["ttl_seconds"], sent["priority"]) == (86400, 300, 3)


def test_acquire_without_waiting_makes_one_call() -> None:
    service = Service([()])
    assert service.follow(0.0) is None
    assert service.names == ["acquire_lock"]


def test_a_wait_asks_again_with_its_request_id_until_it_is_granted() -> None:
    service = Service([(), _wait("waiting"), _wait("granted", (PROVISIONAL,))])
    grant = service.follow(60.0)
    assert service.names == ["acquire_lock", "wait_for_lock", "wait_for_lock"]
    assert {sent["request_id"] for _, sent in service.sent} == {service.request.request_id}
    assert grant is not None and grant.lifetime_s == 10


def test_a_grant_counts_from_the_last_call_that_was_answered_not_yet() -> None:
    service = Service([(), _wait("waiting", retry_ms=1000), _wait("granted", (PROVISIONAL,))])
    grant = service.follow(60.0)
    # It may have been granted while the client paused, right after the answer to that call.
    assert grant is not None and grant.since == pytest.approx(1000.1)
    assert service.now > 1000.9


def test_a_provisional_grant_is_confirmed_before_it_is_returned() -> None:
    service = Service([(), _wait("granted", (PROVISIONAL,)), LEASE])
    grant = service.follow(60.0, in_full=True)
    assert service.names[-1] == "renew_lock"
    assert service.sent[-1][1]["fencing_token"] == 7
    assert grant is not None and grant.leases == (LEASE,)
    assert grant.since == pytest.approx(1000.2)
    assert grant.lifetime_s == 300


@pytest.mark.parametrize(
    "gone", [[_wait("gone")], [_wait("granted", (PROVISIONAL,)), errors.LeaseLost()]]
)
def test_a_place_that_is_gone_is_asked_for_anew_for_the_rest_of_the_time(gone: list[Any]) -> None:
    service = Service([(), *gone, (LEASE,)])
    assert service.follow(60.0, in_full=True)
    first, last = service.sent[0][1], service.sent[-1][1]
    assert service.names[-2:] == ["cancel_lock_request", "acquire_lock"]
    assert first["request_id"] != last["request_id"]
    assert last["wait_seconds"] < 60


def test_when_the_time_is_up_the_request_is_cancelled() -> None:
    service = Service([()])
    assert service.follow(5.0) is None
    assert service.names[-1] == "cancel_lock_request"
    assert 1005 <= service.now < 1005.3


def test_a_deadlock_at_the_start_leaves_nothing_to_cancel() -> None:
    service = Service([errors.Deadlock()])
    with pytest.raises(errors.Deadlock):
        service.follow(5.0)
    assert service.names == ["acquire_lock"]
    assert not service.request.is_open


def test_a_deadlock_that_came_later_is_tidied_up() -> None:
    service = Service([(), errors.Deadlock()])
    with pytest.raises(errors.Deadlock):
        service.follow(5.0)
    assert service.names[-1] == "cancel_lock_request"
    assert not service.request.is_open


def test_a_waiter_outlives_a_short_outage_but_not_a_long_one() -> None:
    away = errors.ServiceUnavailable("away")
    service = Service([errors.OutcomeUnknown(), (), *[away] * 5, _wait("granted", (LEASE,))])
    assert service.follow(math.inf)
    service = Service([(), *[away] * 1000])
    with pytest.raises(errors.ServiceUnavailable):
        service.follow(math.inf)
    assert 1030 < service.now < 1032
    assert service.request.is_open  # to be withdrawn by whoever follows


def test_a_lease_whose_answer_came_too_late_does_not_pass_for_held() -> None:
    late = errors.OutcomeUnknown()
    service = Service([*[late] * 40, (LEASE,)])
    # Ten seconds are over before the answer comes; it is asked for again.
    grant = service.follow(math.inf)
    assert grant is not None and grant.since > 1010
    assert "cancel_lock_request" in service.names
    assert service.names[-1] == "acquire_lock"


def test_a_set_of_which_a_part_is_gone_again_does_not_pass_for_granted() -> None:
    # The same resource twice is one to the service.
    pairs = (("door", "narrow"), ("door", "wide"), ("door", "wide"))
    wanted = replace(WANTED, resources=pairs_of(pairs), several=True)
    both = (LEASE, replace(LEASE, resource_name="wide"))
    service = Service([(), _wait("granted", (PROVISIONAL,)), both])
    grant = service.follow(60.0, wanted)
    assert grant is not None and grant.leases == both
    assert service.names == [
        "acquire_locks", "wait_for_lock", "cancel_lock_request", "acquire_locks",
    ]  # fmt: skip
    assert Service([(LEASE,)]).follow(0.0, wanted) is None


@pytest.mark.parametrize("ttl", [0, -1, 86401, 1.5, True, "300", None])
def test_a_time_that_is_no_whole_number_in_range_is_refused_by_its_name(ttl: Any) -> None:
    with pytest.raises(errors.InvalidArgument, match="ttl_seconds is no whole number"):
        replace(WANTED, ttl_seconds=ttl)


def test_who_does_not_wait_is_told_of_an_outage_at_once() -> None:
    service = Service([errors.ServiceUnavailable("away")])
    with pytest.raises(errors.ServiceUnavailable):
        service.follow(0.0)
    assert len(service.sent) == 1


def test_a_waiter_pauses_for_what_it_was_told_and_up_to_a_fifth_more() -> None:
    service = Service([(), _wait("waiting", retry_ms=5000), _wait("granted", (PROVISIONAL,))])
    service.follow(60.0)
    (pause,) = service.pauses
    assert 5.0 <= pause <= 6.0


def test_no_pause_is_longer_than_the_wait() -> None:
    service = Service([(), _wait("waiting", retry_ms=60_000)])
    service.follow(10.0)
    assert service.pauses[0] == pytest.approx(9.8)


@pytest.mark.parametrize(
    "blocking, timeout, seconds",
    [(True, -1, math.inf), (False, -1, 0), (True, 0, 0), (True, 2.5, 2.5)],
)
def test_arguments_of_acquire_are_those_of_threading_lock(
    blocking: bool, timeout: float, seconds: float
) -> None:
    assert blocking_wait(blocking, timeout) == seconds


@pytest.mark.parametrize(
    "blocking, timeout",
    [(False, 1), (True, -2), (True, math.nan), (True, threading.TIMEOUT_MAX + 1), (True, math.inf)],
)
def test_wrong_arguments_of_acquire_raise_what_threading_lock_raises(
    blocking: bool, timeout: float
) -> None:
    def raised(acquire: Callable[[bool, float], Any]) -> type[Exception]:
        with pytest.raises((ValueError, OverflowError)) as caught:
            acquire(blocking, timeout)
        return caught.type

    assert raised(blocking_wait) is raised(threading.Lock().acquire)


@pytest.mark.parametrize("wait", [None, "5", True, -1, math.nan, math.inf, 1e9])
def test_a_wait_that_is_no_number_is_refused(wait: Any) -> None:
    with pytest.raises(errors.InvalidArgument, match="wait_seconds"):
        checked_wait(wait)


@pytest.mark.parametrize("resources", [None, [1], ["skeleton"], [("a", "b", "c")]])
def test_resources_that_are_no_pairs_are_refused(resources: Any) -> None:
    with pytest.raises(errors.InvalidArgument, match="resources"):
        pairs_of(resources)


def test_a_confirmation_that_fails_is_told_under_the_id_of_the_request_for_the_lock() -> None:
    lost = errors.OutcomeUnknown(detail={"request_id": "the renewal's"}, request_id="the renewal's")
    service = Service([(), _wait("granted", (PROVISIONAL,)), lost])
    with pytest.raises(errors.OutcomeUnknown) as caught:
        service.follow(60.0, in_full=True)
    assert service.names[-1] == "renew_lock"
    wanted = service.sent[0][1]["request_id"]
    assert (caught.value.request_id, caught.value.detail["request_id"]) == (wanted, wanted)


def test_every_call_of_a_wait_ends_with_it_and_who_does_not_wait_has_no_end() -> None:
    service = Service([(), _wait("granted", (PROVISIONAL,)), errors.LeaseLost()])
    assert service.follow(60.0, in_full=True)
    assert service.names[:4] == [
        "acquire_lock",
        "wait_for_lock",
        "renew_lock",
        "cancel_lock_request",
    ]
    assert set(service.ends) == {1060.0}
    for wait_s in (0.0, math.inf):
        service = Service([(LEASE,)])
        assert service.follow(wait_s)
        assert service.ends == [math.inf]


def test_the_last_call_of_a_wait_is_sent_when_its_time_is_up_and_none_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("random.uniform", lambda least, most: most)  # would end 0.4 s too late
    service = Service([errors.ServiceUnavailable("away")] * 100)
    with pytest.raises(errors.ServiceUnavailable):
        service.follow(5.0)
    assert service.now == pytest.approx(1005.1)  # an answer takes 0.1 s
