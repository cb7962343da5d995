"""What the calls about waiting and about several locks send, and what they make of the answers."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
import respx

from sharedstate import SharedState, errors

ID = "0b1c7f0e-8a52-4a6c-9a51-7d9c3ad0f001"


def _lock(name: str, token: int = 17, **more: Any) -> dict[str, Any]:
    return {
        "resource_type": "subsystem",
        "resource_name": name,
        "locked_by": "a",
        "execution_id": "my-run",
        "expires_at": "2026-11-22T19:40:44+00:00",
        "fencing_token": token,
        **more,
    }


def _sent(route: respx.Route) -> list[dict[str, Any]]:
    return [json.loads(call.request.content) for call in route.calls]


def test_acquire_locks_sends_all_resources_and_notes_all_tokens(
    client: SharedState, service: respx.MockRouter
) -> None:
    acquired = service.post("rpc/acquire_locks").respond(json=[_lock("power", 4), _lock("shell")])
    updated = service.post("rpc/update_subsystem_status").respond(json={"version": 1})
    released = service.post("rpc/release_lock").respond(json=[_lock("power")])
    pairs = [("subsystem", "shell"), ("subsystem", "power")]
    leases = client.acquire_locks(pairs, "a", 60, priority=1, request_id=ID)
    assert leases is not None
    assert _sent(acquired) == [
        {
            "resources": [
                {"resource_type": "subsystem", "resource_name": "shell"},
                {"resource_type": "subsystem", "resource_name": "power"},
            ],
            "agent_name": "a",
            "execution_id": "my-run",
            "ttl_seconds": 60,
            "wait_seconds": 0,
            "priority": 1,
            "request_id": ID,
        }
    ]
    client.update_subsystem_status("power", {})
    client.update_subsystem_status("shell", {})
    assert [sent["fencing_token"] for sent in _sent(updated)] == [4, 17]
    with leases:
        assert [lease.resource_name for lease in leases] == ["power", "shell"]
        assert leases[1:] == (leases[1],)
    assert [sent["fencing_token"] for sent in _sent(released)] == [4, 17]
    assert leases.release()  # a second time does nothing
    assert len(released.calls) == 2


def test_acquire_locks_is_none_when_one_of_them_is_held(
    client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/acquire_locks").respond(json=[])
    assert client.acquire_locks([("subsystem", "shell")], "a") is None


def test_leaving_the_block_of_a_lapsed_set_raises(
    client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/acquire_locks").respond(json=[_lock("shell")])
    service.post("rpc/release_lock").respond(json=[])
    leases = client.acquire_locks([("subsystem", "shell")], "a")
    assert leases is not None
    with pytest.raises(errors.LeaseLost), leases:
        pass


def test_wait_for_lock_and_cancel_name_the_request(
    client: SharedState, service: respx.MockRouter
) -> None:
    answer = {
        "state": "granted",
        "leases": [_lock("shell", provisional=True)],
        "position": 0,
        "retry_ms": 0,
        "waiting_for": [],
    }
    waited = service.post("rpc/wait_for_lock").respond(json=answer)
    cancelled = service.post("rpc/cancel_lock_request").respond(json=True)
    wait = client.wait_for_lock(ID)
    assert wait.state == "granted" and wait.leases[0].provisional
    assert client.cancel_lock_request(ID)
    assert _sent(waited) == _sent(cancelled) == [{"request_id": ID}]


def test_get_lock_status_tells_holder_and_queue(
    client: SharedState, service: respx.MockRouter
) -> None:
    named = {"resource_type": "subsystem", "resource_name": "shell"}
    nobody = dict.fromkeys(_lock("shell"))
    route = service.post("rpc/get_lock_status")
    route.respond(json={**named, "holder": nobody, "queue": None})
    assert client.get_lock_status("subsystem", "shell") == {**named, "holder": None, "queue": []}
    assert _sent(route) == [named]


def test_a_lock_asks_for_a_short_lease_first(
    client: SharedState, service: respx.MockRouter
) -> None:
    acquired = service.post("rpc/acquire_lock").respond(json=[_lock("shell")])
    released = service.post("rpc/release_lock").respond(json=[_lock("shell")])
    lock = client.lock("subsystem", "shell", "a", 300, priority=2)
    assert lock.acquire(timeout=5)
    assert (lock.token, lock.locked(), lock.lost) == (17, True, False)
    assert repr(lock).startswith("<locked sharedstate.Lock object subsystem/shell at 0x")
    (sent,) = _sent(acquired)
    assert (sent["ttl_seconds"], sent["wait_seconds"], sent["priority"]) == (10, 5, 2)
    lock.release()
    assert (lock.token, lock.leases, lock.lost) == (None, (), False)
    assert _sent(released)[0]["fencing_token"] == 17
    with pytest.raises(RuntimeError):
        lock.release()


def test_a_release_that_finds_nothing_raises_lease_lost(
    client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/acquire_lock").respond(json=[_lock("shell")])
    service.post("rpc/release_lock").respond(json=[])
    lock = client.lock("subsystem", "shell", "a")
    lock.acquire()
    with pytest.raises(errors.LeaseLost):
        lock.release()
    with pytest.raises(KeyError), lock:  # what the block raised is not hidden
        raise KeyError


def test_a_lock_that_its_client_gave_up_is_lost_though_the_database_held_it(
    client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/acquire_lock").respond(json=[_lock("shell")])
    released = service.post("rpc/release_lock").respond(json=[_lock("shell")])
    lock = client.lock("subsystem", "shell", "a")
    lock.acquire()
    lock._slot[0].deadline = 0.0  # as after a renewal whose answer came too late
    assert lock.lost
    with pytest.raises(errors.LeaseLost):
        lock.release()
    assert released.called


def test_a_release_that_fails_is_made_good_in_the_background(
    client: SharedState, service: respx.MockRouter
) -> None:
    service.post("rpc/acquire_lock").respond(json=[_lock("shell", request_id=ID)])
    service.post("rpc/release_lock").mock(side_effect=httpx.ReadTimeout("slow"))
    cancelled = service.post("rpc/cancel_lock_request").respond(json=True)
    lock = client.lock("subsystem", "shell", "a")
    lock.acquire()
    with pytest.raises(errors.OutcomeUnknown):
        lock.release()
    assert len(cancelled.calls) == 1
    client.close()
    with pytest.raises(errors.ClientClosed):
        lock.acquire()


@pytest.mark.parametrize(("status", "code"), [(401, "PGRST301"), (403, "42501"), (404, "PGRST202")])
def test_a_refused_cancel_is_not_retried_in_the_background(
    client: SharedState,
    service: respx.MockRouter,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
) -> None:
    for module in ("_background", "_running"):
        monkeypatch.setattr(f"sharedstate.{module}.SETTLE_S", 60.0)
    refusal = httpx.Response(status, json={"code": code, "message": "no"})
    service.post("rpc/acquire_lock").mock(return_value=refusal)
    cancelled = service.post("rpc/cancel_lock_request").mock(return_value=refusal)
    began = time.monotonic()
    with pytest.raises(errors.SharedStateError):
        client.lock("subsystem", "shell", "a").acquire(timeout=60)
    assert time.monotonic() - began < 30  # else it goes on in the background for a minute
    assert len(cancelled.calls) == 1


@pytest.mark.parametrize("given", [None, "", "no uuid"])
def test_a_request_that_is_asked_about_or_ended_has_to_be_named(
    client: SharedState, service: respx.MockRouter, given: Any
) -> None:
    for ask in (client.wait_for_lock, client.cancel_lock_request):
        with pytest.raises(errors.InvalidArgument, match="request_id is no uuid"):
            ask(given)
    assert not service.calls
