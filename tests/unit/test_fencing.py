"""The client remembers the tokens of its leases, and sends them with the writes they guard."""

from __future__ import annotations

import gc
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx

from sharedstate import SharedState, errors
from sharedstate._running import current_thread
from sharedstate._tokens import Tokens
from sharedstate.types import Lease

ROW = {"version": 3}


def _lock(name: str, token: int, kind: str = "subsystem") -> dict[str, Any]:
    return {
        "resource_type": kind,
        "resource_name": name,
        "locked_by": "a",
        "execution_id": "my-run",
        "expires_at": "2026-11-22T19:40:44+00:00",
        "fencing_token": token,
    }


@dataclass
class Service:
    """Grants the next token to each acquisition, and keeps the tokens that it was sent."""

    sent: dict[str, list[int | None]] = field(default_factory=dict)
    instead: dict[str, httpx.Response | Exception] = field(default_factory=dict)
    granted: int = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        function = request.url.path.rpartition("/")[2]
        body = json.loads(request.content)
        self.sent.setdefault(function, []).append(body.get("fencing_token"))
        if isinstance(other := self.instead.get(function), Exception):
            raise other
        return other or httpx.Response(200, json=self._row(function, body))

    def _row(self, function: str, body: dict[str, Any]) -> dict[str, Any]:
        if function == "acquire_lock":
            self.granted += 1
            return _lock(body["resource_name"], self.granted, body["resource_type"])
        if function == "checkout_subsystem":
            self.granted += 1
            empty = ("requirements", "interfaces", "design", "constraints", "inputs", "conflicts",
                     "input_requirements")  # fmt: skip
            lease = _lock(body["subsystem"], self.granted)
            return {"lease": lease, "status": ROW, **dict.fromkeys(empty)}
        if function == "checkin_subsystem":
            written = {"status": ROW, "interfaces": None, "design": None}
            return {**written, "released": body["release"]}
        return _lock("skeleton", body.get("fencing_token") or 0)


@pytest.fixture
def fenced(service: respx.MockRouter) -> Service:
    """The service behind `client`."""
    fenced = Service()
    service.route(method="POST").mock(side_effect=fenced.answer)
    return fenced


def _write_all(client: SharedState) -> None:
    client.update_subsystem_status("skeleton", {})
    client.update_subsystem_interfaces("skeleton", {}, "a")
    client.update_subsystem_design("skeleton", {}, "a")


def test_writes_of_a_subsystem_carry_the_token_of_its_lease(
    client: SharedState, fenced: Service
) -> None:
    _write_all(client)
    assert client.acquire_lock("subsystem", "skeleton", "a")
    _write_all(client)
    client.update_subsystem_status("shell", {})
    assert fenced.sent["update_subsystem_status"] == [None, 1, None]
    assert fenced.sent["update_subsystem_interfaces"] == [None, 1]
    assert fenced.sent["update_subsystem_design"] == [None, 1]


def test_requirements_come_from_outside_and_carry_no_token_by_themselves(
    client: SharedState, fenced: Service
) -> None:
    client.acquire_lock("subsystem", "skeleton", "a")
    client.update_subsystem_requirements("skeleton", {}, "system_architect")
    client.update_subsystem_requirements("skeleton", {}, "system_architect", fencing_token=1)
    assert fenced.sent["update_subsystem_requirements"] == [None, 1]


def test_a_lock_of_another_kind_does_not_guard_a_subsystem(
    client: SharedState, fenced: Service
) -> None:
    client.acquire_lock("file", "skeleton", "a")
    client.update_subsystem_status("skeleton", {})
    assert fenced.sent["update_subsystem_status"] == [None]


def test_an_explicit_token_wins(client: SharedState, fenced: Service) -> None:
    client.acquire_lock("subsystem", "skeleton", "a")
    client.update_subsystem_status("skeleton", {}, fencing_token=99)
    assert fenced.sent["update_subsystem_status"] == [99]


def test_releasing_sends_the_token_and_forgets_it(client: SharedState, fenced: Service) -> None:
    client.acquire_lock("subsystem", "skeleton", "a")
    assert client.release_lock("subsystem", "skeleton")
    client.update_subsystem_status("skeleton", {})
    client.release_lock("subsystem", "skeleton")
    assert fenced.sent["release_lock"] == [1, None]
    assert fenced.sent["update_subsystem_status"] == [None]


def test_each_thread_sends_the_token_that_it_acquired_and_a_helper_the_newest(
    client: SharedState, fenced: Service
) -> None:
    client.acquire_lock("subsystem", "skeleton", "a")
    with ThreadPoolExecutor(1) as other, ThreadPoolExecutor(1) as helper:
        other.submit(client.acquire_lock, "subsystem", "skeleton", "b").result()
        for threads in (other, helper):
            threads.submit(client.update_subsystem_status, "skeleton", {}).result()
        client.update_subsystem_status("skeleton", {})
        client.release_lock("subsystem", "skeleton")
        client.update_subsystem_status("skeleton", {})
        other.submit(client.release_lock, "subsystem", "skeleton").result()
        helper.submit(client.update_subsystem_status, "skeleton", {}).result()
    assert fenced.sent["update_subsystem_status"] == [2, 2, 1, 2, None]
    assert fenced.sent["release_lock"] == [1, 2]


def test_notes_are_kept_neither_for_what_was_released_nor_for_threads_that_have_ended() -> None:
    tokens = Tokens(current_thread, lambda: None)
    lease = Lease("door", "narrow", "agent", "run", 7, datetime(2026, 11, 22, tzinfo=UTC))
    for token in range(100):
        with ThreadPoolExecutor(1) as thread:
            thread.submit(tokens.note, replace(lease, fencing_token=token)).result()
    gc.collect()
    assert tokens.of("door", "narrow", None) == 99
    assert not tokens._notes["door", "narrow"].own
    tokens.forget("door", "narrow", 99)
    tokens.note(lease)
    tokens.forget("door", "narrow", lease.fencing_token)
    assert not tokens._notes


def test_releasing_an_older_lease_keeps_the_newer_one(client: SharedState, fenced: Service) -> None:
    client.acquire_lock("subsystem", "skeleton", "a")
    client.acquire_lock("subsystem", "skeleton", "a")
    client.release_lock("subsystem", "skeleton", fencing_token=1)
    client.update_subsystem_status("skeleton", {})
    assert fenced.sent["update_subsystem_status"] == [2]


def test_a_second_write_after_a_lost_lease_is_refused_too(
    client: SharedState, fenced: Service
) -> None:
    client.acquire_lock("subsystem", "skeleton", "a")
    lost = {"code": "PT409", "message": "lease_lost", "details": "{}", "hint": None}
    fenced.instead["update_subsystem_status"] = httpx.Response(409, json=lost)
    for _ in range(2):
        with pytest.raises(errors.LeaseLost):
            client.update_subsystem_status("skeleton", {})
    assert fenced.sent["update_subsystem_status"] == [1, 1]


def test_a_release_whose_outcome_is_unknown_keeps_the_token(
    client: SharedState, fenced: Service
) -> None:
    client.acquire_lock("subsystem", "skeleton", "a")
    fenced.instead["release_lock"] = httpx.ReadTimeout("slow")
    with pytest.raises(errors.OutcomeUnknown):
        client.release_lock("subsystem", "skeleton")
    client.update_subsystem_status("skeleton", {})
    assert fenced.sent["update_subsystem_status"] == [1]


def test_a_checkout_is_checked_in_with_its_token(client: SharedState, fenced: Service) -> None:
    assert client.checkout_subsystem("skeleton", "a")
    client.update_subsystem_status("skeleton", {})
    client.renew_lock("subsystem", "skeleton")
    assert not client.checkin_subsystem("skeleton", "a", {}, release=False).released
    assert client.checkin_subsystem("skeleton", "a").released
    client.update_subsystem_status("skeleton", {})
    assert fenced.sent["renew_lock"] == [1]
    assert fenced.sent["checkin_subsystem"] == [1, 1]
    assert fenced.sent["update_subsystem_status"] == [1, None]


def test_renewal_and_checkin_need_a_lease(client: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument, match="no lease of subsystem skeleton"):
        client.renew_lock("subsystem", "skeleton")
    with pytest.raises(errors.InvalidArgument, match="fencing_token"):
        client.checkin_subsystem("skeleton", "a")
