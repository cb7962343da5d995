"""When a call is sent again, and what is said when it is given up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import respx
from tests.unit.conftest import URL

from sharedstate import RetryPolicy, SharedState, errors
from sharedstate_ops.stack.keys import make_token

ID = "7d1d9a52-33a4-4f0f-8d7e-0c4b6f2f9a10"
ROW: Any = {"version": 3}
DOWN = {"code": "PT503", "message": "service_unavailable", "details": '{"reached": false}'}
LOST = {"code": "PT503", "message": "service_unavailable", "details": '{"reached": true}'}
POOL = {"code": "PGRST003", "message": "Timed out acquiring connection", "details": None}
BROKEN = {"code": "PGRST001", "message": "Database client error", "details": None}

UNSENT: dict[str, Any] = {
    "connection refused": httpx.ConnectError("refused"),
    "connecting takes too long": httpx.ConnectTimeout("slow"),
    "no free connection": httpx.PoolTimeout("busy"),
    "gateway did not reach PostgREST": httpx.Response(503, json=DOWN),
    "PostgREST has no connection": httpx.Response(504, json=POOL),
}
MAYBE_DONE: dict[str, Any] = {
    "read timeout": httpx.ReadTimeout("slow"),
    "write timeout": httpx.WriteTimeout("slow"),
    "connection reset": httpx.ReadError("reset"),
    "dropped answer": httpx.RemoteProtocolError("server disconnected"),
    "gateway lost the answer": httpx.Response(503, json=LOST),
    "database connection broke": httpx.Response(503, json=BROKEN),
    "a proxy's 502": httpx.Response(502, text="<html>Bad Gateway</html>"),
    "a proxy's 503": httpx.Response(503, text=""),
    "a proxy's 504": httpx.Response(504, text="<html>"),
    "Cloudflare's 520": httpx.Response(520, text="error code: 520"),
}


@pytest.mark.parametrize("failure", [*UNSENT.values(), *MAYBE_DONE.values()],
                         ids=[*UNSENT, *MAYBE_DONE])  # fmt: skip
def test_a_mutation_is_sent_again_with_the_same_request_id(
    failure: Any, client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/log_agent_activity")
    route.side_effect = [failure, failure, failure, failure, httpx.Response(200, json=ROW)]
    assert client.log_agent_activity("a", "b") == ROW
    ids = [json.loads(call.request.content)["request_id"] for call in route.calls]
    assert len(ids) == 5
    assert len(set(ids)) == 1


@pytest.mark.parametrize("failure", UNSENT.values(), ids=UNSENT)
def test_a_mutation_that_never_arrived_ends_in_service_unavailable(
    failure: Any, client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/log_agent_activity").side_effect = [failure] * 5
    with pytest.raises(errors.ServiceUnavailable) as caught:
        client.log_agent_activity("a", "b")
    assert caught.value.detail["attempts"] == 5
    # Where all connections are in use, the server is not to blame.
    is_busy = isinstance(failure, httpx.PoolTimeout)
    assert ("share it between fewer" if is_busy else "sharedstate status") in caught.value.hint


@pytest.mark.parametrize("failure", MAYBE_DONE.values(), ids=MAYBE_DONE)
def test_a_mutation_that_may_have_arrived_ends_in_outcome_unknown(
    failure: Any, client: SharedState, service: respx.MockRouter
) -> None:
    refused = httpx.ConnectError("refused")
    service.post("rpc/log_agent_activity").side_effect = [refused, failure] + [refused] * 3
    with pytest.raises(errors.OutcomeUnknown) as caught:
        client.log_agent_activity("a", "b", request_id=ID)
    assert caught.value.request_id == ID
    assert caught.value.detail["request_id"] == ID
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("failure", [*UNSENT.values(), *MAYBE_DONE.values()],
                         ids=[*UNSENT, *MAYBE_DONE])  # fmt: skip
def test_a_read_is_repeated_and_ends_in_service_unavailable(
    failure: Any, client: SharedState, service: respx.MockRouter
) -> None:
    asks: list[tuple[respx.Route, Callable[[], Any]]] = [
        (service.get("subsystems"), client.get_all_subsystem_statuses),
        (service.post("rpc/health"), client.health),
    ]
    for route, ask in asks:
        route.side_effect = [failure] * 5
        with pytest.raises(errors.ServiceUnavailable):
            ask()
        assert route.call_count == 5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 423, 429, 500])
def test_a_refusal_is_not_retried(
    status: int, client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/log_agent_activity").respond(
        status, json={"code": "XX000", "message": "no"}
    )
    with pytest.raises(errors.SharedStateError):
        client.log_agent_activity("a", "b")
    assert route.call_count == 1


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_transaction_that_was_rolled_back_for_another_is_repeated(
    code: str, client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/log_agent_activity")
    refusal = httpx.Response(500, json={"code": code, "message": "deadlock detected"})
    route.side_effect = [refusal, httpx.Response(200, json=ROW)]
    assert client.log_agent_activity("a", "b") == ROW
    route.side_effect = [refusal] * 5
    with pytest.raises(errors.UnexpectedError, match="deadlock"):
        client.log_agent_activity("a", "b")


def test_the_function_s_own_refusal_after_a_lost_answer_is_believed(
    client: SharedState, service: respx.MockRouter
) -> None:
    refusal = {"code": "PT409", "message": "lease_lost", "details": "{}", "hint": "again"}
    service.post("rpc/log_agent_activity").side_effect = [
        httpx.ReadTimeout("slow"),
        httpx.Response(409, json=refusal),
    ]
    with pytest.raises(errors.LeaseLost):
        client.log_agent_activity("a", "b")


def test_a_key_that_expired_after_a_lost_answer_leaves_the_outcome_open(
    client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/log_agent_activity").side_effect = [
        httpx.ReadTimeout("slow"),
        httpx.Response(401, json={"code": "PGRST301", "message": "JWT expired"}),
    ]
    with pytest.raises(errors.OutcomeUnknown, match="JWT expired") as caught:
        client.log_agent_activity("a", "b")
    assert isinstance(caught.value.__cause__, errors.InvalidKey)


EARLY = {"code": "PGRST303", "message": "JWT issued at future"}


def test_a_key_from_a_clock_that_is_ahead_is_good_a_moment_later(
    client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/log_agent_activity")
    early = httpx.Response(401, json=EARLY)
    route.side_effect = [early, early, httpx.Response(200, json=ROW)]
    assert client.log_agent_activity("a", "b") == ROW
    assert route.call_count == 3


def test_a_clock_that_stays_ahead_is_named_and_a_mutation_was_certainly_not_done(
    client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/log_agent_activity").respond(401, json=EARLY)
    with pytest.raises(errors.ClockSkew, match="clock") as caught:
        client.log_agent_activity("a", "b")
    assert caught.value.detail["attempts"] == 5


@pytest.mark.parametrize("key", ["", "sb_publishable_x"])
def test_an_expired_key_or_token_says_since_when(
    key: str, service: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired = make_token("s" * 40, "authenticated", ttl=-3600)
    for name, value in (("URL", URL), ("KEY", key or expired)):
        monkeypatch.setenv(f"SUPABASE_{name}", value)
    monkeypatch.setenv("SHAREDSTATE_TOKEN", expired if key else "")
    route = service.post("rpc/health").respond(401, json={"message": "JWT expired"})
    with SharedState() as state, pytest.raises(errors.ExpiredKey, match="expired at 20"):
        state.health()
    assert route.call_count == 1


def test_a_nameless_500_leaves_a_mutation_open_and_fails_a_read(
    client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/log_agent_activity").respond(500, text="<html>oops</html>")
    service.get("subsystems").respond(500, text="<html>oops</html>")
    with pytest.raises(errors.OutcomeUnknown):
        client.log_agent_activity("a", "b")
    with pytest.raises(errors.UnexpectedError, match="oops"):
        client.get_subsystem_status("skeleton")


def test_without_retries_the_first_failure_is_the_end(service: respx.MockRouter) -> None:
    route = service.post("rpc/health")
    route.side_effect = httpx.ConnectError("refused")
    policy = RetryPolicy(attempts=1)
    with (
        SharedState(url="http://service.test", key="k", retry=policy) as state,
        pytest.raises(errors.ServiceUnavailable),
    ):
        state.health()
    assert route.call_count == 1


def test_pauses_grow_up_to_the_cap_and_are_random_down_to_the_half() -> None:
    policy = RetryPolicy(attempts=6, base_s=0.1, factor=3.0, cap_s=2.0)
    longest = [policy.pause(failed, 0.0, 1.0) for failed in range(1, 6)]
    assert longest == pytest.approx([0.1, 0.3, 0.9, 2.0, 2.0])
    shortest = [policy.pause(failed, 0.0, 0.0) for failed in range(1, 6)]
    assert shortest == pytest.approx([0.05, 0.15, 0.45, 1.0, 1.0])
    assert policy.pause(6, 0.0, 0.0) is None


@dataclass
class Clock:
    """A time that goes on by the pauses of a client, and by what the test adds."""

    seconds: float = 0.0
    jitter: float = 1.0

    def now(self) -> float:
        return self.seconds

    def random(self) -> float:
        return self.jitter

    def pause(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("sharedstate._sending._clock", clock)
    monkeypatch.setattr("sharedstate._sending.random", clock)
    monkeypatch.setattr("sharedstate._http.HttpClient.pause", lambda _, s: clock.pause(s))
    return clock


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_a_call_outlives_a_restart_of_some_seconds_and_is_given_up_within_thirty(
    jitter: float, service: respx.MockRouter, clock: Clock
) -> None:
    clock.jitter = jitter
    service.post("rpc/health").side_effect = httpx.ConnectError("refused")
    state = SharedState(url=URL, key="k")
    with state, pytest.raises(errors.ServiceUnavailable) as caught:
        state.health()
    assert 4 < clock.seconds < 10
    assert caught.value.detail["attempts"] == 6


def test_any_number_of_attempts_has_a_pause() -> None:
    assert RetryPolicy(attempts=2000, base_s=0.0).pause(1999, 0.0, 1.0) == 0.0
    assert RetryPolicy(attempts=2000).pause(1999, 0.0, 1.0) == 5.0


def test_no_attempt_starts_after_the_deadline() -> None:
    policy = RetryPolicy(deadline_s=30.0, base_s=1.0)
    assert policy.pause(1, 28.0, 1.0) == 1.0
    assert policy.pause(1, 29.5, 1.0) is None
    assert policy.pause(1, 29.3, 0.0) == pytest.approx(0.5)


def test_the_attempts_of_a_slow_service_end_with_the_deadline(
    service: respx.MockRouter, clock: Clock
) -> None:
    def answer_nothing(_: httpx.Request) -> httpx.Response:
        clock.seconds += 15.0  # each attempt waits for its whole timeout
        raise httpx.ReadTimeout("slow")

    service.post("rpc/log_agent_activity").side_effect = answer_nothing
    with SharedState(url=URL, key="k") as state, pytest.raises(errors.OutcomeUnknown) as caught:
        state.log_agent_activity("a", "b")
    assert clock.seconds == pytest.approx(30.1)
    assert caught.value.detail["attempts"] == 2


def test_an_unwritable_request_is_not_repeated(
    client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/health")
    route.side_effect = httpx.UnsupportedProtocol("no")
    with pytest.raises(errors.UnexpectedError, match="cannot be sent"):
        client.health()
    assert route.call_count == 1


LOSABLE: dict[str, Callable[[SharedState], Any]] = {
    "wait_for_lock": lambda state: state.wait_for_lock(ID),
    "cancel_lock_request": lambda state: state.cancel_lock_request(ID),
    "cleanup_expired_locks": lambda state: state.cleanup_expired_locks(),
}


@pytest.mark.parametrize("name", LOSABLE)
def test_what_grants_or_ends_leases_leaves_its_outcome_open_when_its_answers_are_lost(
    name: str, client: SharedState, service: respx.MockRouter
) -> None:
    service.post(f"rpc/{name}").side_effect = [httpx.ReadTimeout("slow")] * 5
    with pytest.raises(errors.OutcomeUnknown) as caught:
        LOSABLE[name](client)
    # They are repeated with the id of the request for the lock, the last has no id at all.
    assert caught.value.request_id == (None if name == "cleanup_expired_locks" else ID)
    assert ("request_id" in caught.value.hint) == (name != "cleanup_expired_locks")
