"""Waiting for locks from Python: in line, in time, and without leaving anything behind."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from tests.conftest import Rpc
from tests.locks.conftest import Cut, Left, Make, interrupted_when, outlives, until

from sharedstate import Deadlock, LeaseLost, RetryPolicy, SharedState, errors
from sharedstate_ops.stack import StackInfo

DOORS = [("door", "b"), ("door", "a")]


def _in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    result: list[Any] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as problem:  # noqa: BLE001  the test looks at it
            result.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


def test_acquire_lock_waits_until_the_holder_releases(make: Make, left: Left) -> None:
    holder, waiter = make("holder"), make("waiter")
    assert holder.acquire_lock("door", "narrow", "holder")
    thread, result = _in_thread(
        lambda: waiter.acquire_lock("door", "narrow", "waiter", 60, wait_seconds=20)
    )
    until(lambda: left() == (1, 1))
    assert holder.release_lock("door", "narrow")
    thread.join(60)
    (lease,) = result
    assert lease.fencing_token == 2
    assert not lease.provisional  # confirmed, so it lasts
    row = waiter.get_lock("door", "narrow")
    assert row is not None and row["ttl_seconds"] == 60 and not row["provisional"]
    assert waiter.release_lock("door", "narrow")


def test_a_wait_that_times_out_returns_none_and_leaves_nothing(make: Make, left: Left) -> None:
    holder, waiter = make("holder"), make("waiter")
    assert holder.acquire_lock("door", "narrow", "holder")
    began = time.monotonic()
    assert waiter.acquire_lock("door", "narrow", "waiter", wait_seconds=0.3) is None
    assert 0.25 <= time.monotonic() - began < 15
    assert not waiter.lock("door", "narrow", "waiter").acquire(timeout=0.1)
    assert waiter.acquire_locks(DOORS, "waiter", wait_seconds=0) is not None
    assert left() == (3, 0)


def test_keyboard_interrupt_during_a_wait_leaves_nothing(make: Make, left: Left) -> None:
    holder, waiter = make("holder"), make("waiter")
    assert holder.acquire_lock("door", "narrow", "holder")
    for lock in (
        lambda: waiter.acquire_lock("door", "narrow", "waiter", wait_seconds=30),
        lambda: waiter.lock("door", "narrow", "waiter").acquire(),
    ):
        with interrupted_when(lambda: left() == (1, 1)):
            lock()
        assert left() == (1, 0)


def test_closing_the_client_ends_the_wait_of_another_thread(make: Make, left: Left) -> None:
    holder, waiter = make("holder"), make("waiter")
    assert holder.acquire_lock("door", "narrow", "holder")
    thread, result = _in_thread(
        lambda: waiter.acquire_lock("door", "narrow", "waiter", wait_seconds=60)
    )
    until(lambda: left() == (1, 1))
    waiter.close()
    thread.join(60)
    assert isinstance(result[0], errors.ClientClosed)


def test_who_waits_for_whom_has_an_answer(make: Make, left: Left) -> None:
    holder, waiter = make("holder"), make("waiter")
    assert holder.acquire_lock("door", "narrow", "holder-agent")
    request_id = str(uuid.uuid4())
    thread, result = _in_thread(
        lambda: waiter.acquire_lock(
            "door", "narrow", "waiter-agent", wait_seconds=20, request_id=request_id
        )
    )
    until(lambda: left() == (1, 1))
    status = holder.get_lock_status("door", "narrow")
    assert status["holder"] is not None and status["holder"]["locked_by"] == "holder-agent"
    (row,) = status["queue"]
    assert (row["agent_name"], row["position"], row["request_id"]) == (
        "waiter-agent",
        1,
        request_id,
    )
    wait = holder.wait_for_lock(request_id)
    assert (wait.state, wait.position, wait.waiting_for) == ("waiting", 1, ("holder-agent",))
    assert holder.release_lock("door", "narrow")
    thread.join(60)
    assert result[0].request_id == request_id
    assert waiter.cancel_lock_request(request_id)
    assert waiter.cancel_lock_request(request_id)  # as if the first answer had been lost
    assert left() == (0, 0)


def test_a_wait_that_would_never_end_raises_deadlock_and_names_the_cycle(
    make: Make, left: Left
) -> None:
    one, two = make("one"), make("two")
    with one.lock("door", "a", "agent-1"), two.lock("door", "b", "agent-2"):
        thread, result = _in_thread(one.lock("door", "b", "agent-1").acquire)
        until(lambda: left() == (2, 1))
        with pytest.raises(Deadlock) as caught:
            two.lock("door", "a", "agent-2").acquire()
        cycle = caught.value.detail["cycle"]
        assert {edge["agent_name"] for edge in cycle} == {"agent-1", "agent-2"}
        assert left() == (2, 1)
    thread.join(60)
    assert result == [True]


def test_several_locks_come_together_or_not_at_all(make: Make, left: Left) -> None:
    holder, other = make("holder"), make("other")
    assert holder.acquire_lock("door", "a", "holder")
    assert other.acquire_locks(DOORS, "other") is None
    thread, result = _in_thread(lambda: other.acquire_locks(DOORS, "other", 60, wait_seconds=20))
    until(lambda: left()[1] == 1)
    assert left() == (1, 1)  # a set that waits holds nothing
    assert holder.release_lock("door", "a")
    thread.join(60)
    (leases,) = result
    assert [lease.resource_name for lease in leases] == ["a", "b"]
    with leases as held:
        assert left() == (2, 0)
        assert len(held) == 2 and held[0].fencing_token == 2
        assert not any(lease.provisional for lease in held)
    assert left() == (0, 0)


@pytest.mark.parametrize("kind", ["leases", "lock object"])
def test_a_set_that_lost_one_lock_raises_lease_lost_and_does_not_release_that_one(
    make: Make, database: psycopg.Connection[Any], workspace: str, left: Left, kind: str
) -> None:
    state, other = make(), make("other")
    held = state.locks(DOORS, "agent") if kind == "lock object" else None
    block = held or state.acquire_locks(DOORS, "agent")
    assert block is not None
    with pytest.raises(LeaseLost) as caught, block:
        database.execute(
            "delete from agent_locks where workspace = %s and resource_name = 'a'", [workspace]
        )
        assert other.acquire_lock("door", "a", "other")
    if held is not None:
        assert caught.value.detail["resource_name"] == "a"
    assert left() == (1, 0)
    assert other.release_lock("door", "a")


def test_the_release_of_a_set_may_be_repeated_when_an_answer_was_lost(
    make: Make, monkeypatch: pytest.MonkeyPatch, left: Left
) -> None:
    state = make()
    leases = state.acquire_locks(DOORS, "agent")
    assert leases is not None
    run, answers = state._rpc, 0

    def lose_the_second_answer(*call: Any, **options: Any) -> Any:
        nonlocal answers
        answer, answers = run(*call, **options), answers + 1
        if answers == 2:
            raise errors.OutcomeUnknown
        return answer

    monkeypatch.setattr(state, "_rpc", lose_the_second_answer)
    with pytest.raises(errors.OutcomeUnknown):
        leases.release()
    assert leases.release()
    assert (answers, left()) == (3, (0, 0))


def test_a_lock_object_for_several_is_renewed_and_released_as_one(make: Make, left: Left) -> None:
    state, other = make(), make("other")
    with state.locks(DOORS, "agent", 4) as lock:
        assert [lease.resource_name for lease in lock.leases] == ["a", "b"]
        assert not other.locks(DOORS, "other").acquire(blocking=False)
        thread, result = _in_thread(lambda: other.locks(DOORS, "other").acquire(timeout=20))
        until(lambda: left() == (2, 1))
        until(outlives(lock))
        assert left() == (2, 1) and not lock.lost
    thread.join(60)
    assert result == [True]
    assert left() == (2, 0)


def test_a_set_that_waits_and_is_interrupted_leaves_nothing(make: Make, left: Left) -> None:
    holder, other = make("holder"), make("other")
    assert holder.acquire_lock("door", "a", "holder")
    with interrupted_when(lambda: left() == (1, 1)):
        other.acquire_locks(DOORS, "other", wait_seconds=30)
    assert left() == (1, 0)


def test_threads_and_clients_take_turns_on_one_lock(make: Make) -> None:
    inside, tokens = [], []

    def work(state: SharedState) -> None:
        lock = state.lock("door", "narrow", "agent")
        for _ in range(5):
            with lock:
                inside.append(1)
                assert len(inside) == 1
                tokens.append(lock.token)
                inside.pop()

    # Threads of one execution count as one agent when a deadlock is looked for.
    with ThreadPoolExecutor(9) as pool:
        list(pool.map(work, [make(f"run-{number}") for number in range(9)]))
    assert tokens == list(range(1, 46))


def test_threads_of_one_client_share_a_lock_object(make: Make) -> None:
    lock = make().lock("door", "narrow", "agent")
    tokens = []

    def work(_: int) -> None:
        with lock:
            tokens.append(lock.token)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert tokens == list(range(1, 41))


@pytest.mark.parametrize("lost", range(1, 4))
def test_lost_answers_neither_lose_nor_double_a_lock(
    make: Make, proxy: Cut, left: Left, lost: int
) -> None:
    state = make(url=proxy.url)
    lock = state.lock("door", "narrow", "agent")
    proxy.drop_answers(lost)
    assert lock.acquire(timeout=20)
    assert lock.token == 1 and left() == (1, 0)
    proxy.drop_answers(lost)
    lock.release()
    assert left() == (0, 0)


def test_a_waiter_gets_its_lock_though_answers_are_lost(make: Make, proxy: Cut, left: Left) -> None:
    holder, waiter = make("holder"), make("waiter", proxy.url)
    lock = waiter.lock("door", "narrow", "waiter")
    with holder.lock("door", "narrow", "holder"):
        proxy.drop_answers(1)
        thread, result = _in_thread(lambda: lock.acquire(timeout=30))
        until(lambda: left() == (1, 1))
        proxy.drop_answers(1)
    thread.join(60)
    assert result == [True]
    assert (lock.token, left()) == (2, (1, 0))


def test_an_acquire_whose_answer_never_comes_is_withdrawn(
    stack: StackInfo, workspace: str, proxy: Cut, left: Left
) -> None:
    with SharedState(
        workspace=workspace, url=proxy.url, key=stack.agent_key, retry=RetryPolicy(attempts=1)
    ) as state:
        state.health()
        proxy.drop_answers(1)
        with pytest.raises(errors.OutcomeUnknown):
            state.lock("door", "narrow", "agent").acquire(blocking=False)
        until(lambda: left() == (0, 0), 3)


@pytest.mark.parametrize("given_back", [True, False])
def test_an_acquire_whose_confirmation_is_lost_can_be_repeated_under_its_request_id(
    make: Make, monkeypatch: pytest.MonkeyPatch, left: Left, given_back: bool
) -> None:
    state = make()
    run, lost = state._rpc, [errors.OutcomeUnknown(request_id=str(uuid.uuid4()))]

    def lose_the_first_confirmation(function: str, *call: Any, **options: Any) -> Any:
        answer = run(function, *call, **options)
        if function == "renew_lock" and lost:
            raise lost.pop()
        return answer

    monkeypatch.setattr(state, "_rpc", lose_the_first_confirmation)
    if not given_back:  # as when the service is away for a while
        monkeypatch.setattr(state, "_withdraw", lambda request: None)
    request_id = str(uuid.uuid4())
    with pytest.raises(errors.OutcomeUnknown) as caught:
        state.acquire_lock("door", "narrow", "agent", wait_seconds=5, request_id=request_id)
    assert caught.value.request_id == request_id
    assert left() == ((0, 0) if given_back else (1, 0))
    lease = state.acquire_lock(
        "door", "narrow", "agent", wait_seconds=5, request_id=caught.value.request_id
    )
    assert lease is not None and not lease.provisional
    assert lease.fencing_token == (2 if given_back else 1)
    assert left() == (1, 0)


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("acquire_lock", {"ttl_seconds": 60}),
        ("acquire_lock", {"ttl_seconds": 60, "wait_seconds": 5}),
        ("renew_lock", {"fencing_token": 1}),
        ("release_lock", {"fencing_token": 1}),
        ("cancel_lock_request", {}),
    ],
)
def test_a_lock_call_sent_eight_times_at_once_is_done_once(
    rpc: Rpc, left: Left, name: str, arguments: dict[str, Any]
) -> None:
    door = {"resource_type": "door", "resource_name": "narrow", "execution_id": "run"}
    call = {**door, **arguments, "request_id": str(uuid.uuid4())}
    if name == "acquire_lock":
        call["agent_name"] = "agent"
    else:
        first = str(uuid.uuid4())
        assert rpc("acquire_lock", **door, agent_name="agent", request_id=first)[1]
        if name == "cancel_lock_request":
            call = {"request_id": first}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: rpc(name, **call), range(8)))
    assert {status for status, _ in answers} == {200}
    assert all(answer == answers[0][1] for _, answer in answers)
    assert answers[0][1]
    assert left() == ((0, 0) if name in ("release_lock", "cancel_lock_request") else (1, 0))
