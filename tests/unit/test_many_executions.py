"""One client makes others: of other executions, and of other tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jwt
import pytest
from tests.unit.conftest import KEY, URL

from sharedstate import SharedState
from sharedstate.errors import InvalidArgument

if TYPE_CHECKING:
    import respx

LEASE = {
    "resource_type": "subsystem",
    "resource_name": "power",
    "locked_by": "power_agent",
    "execution_id": "first",
    "fencing_token": 17,
    "expires_at": "2026-11-30T12:00:00+00:00",
}


def sent(route: respx.Route) -> dict[str, object]:
    body: dict[str, object] = json.loads(route.calls.last.request.content)
    return body


def test_another_execution_shares_connections_and_no_fencing_tokens(
    service: respx.MockRouter,
) -> None:
    service.post("rpc/acquire_lock").respond(json=[LEASE])
    released = service.post("rpc/release_lock").respond(json=[])
    with SharedState("first", url=URL, key=KEY) as first:
        second = first.for_execution("second")
        assert second.supabase is first.supabase
        assert first.acquire_lock("subsystem", "power", "power_agent")
        second.release_lock("subsystem", "power")
        body = sent(released)
        assert (body["execution_id"], body["fencing_token"]) == ("second", None)
        first.release_lock("subsystem", "power")
        body = sent(released)
        assert (body["execution_id"], body["fencing_token"]) == ("first", 17)


def test_an_execution_that_is_no_name_is_refused() -> None:
    with SharedState("first", url=URL, key=KEY) as first, pytest.raises(InvalidArgument):
        first.for_execution(" ")


def test_another_token_speaks_for_itself_in_the_workspace_that_it_pins(
    service: respx.MockRouter,
) -> None:
    token = jwt.encode({"workspace": "robot"}, "s" * 32, algorithm="HS256")
    route = service.post("rpc/schema_version").respond(json="20260101000000")
    with SharedState("first", workspace="car", url=URL, key=KEY) as first:
        with first.for_token(token) as second:
            second.schema_version()
            headers = route.calls.last.request.headers
            assert headers["authorization"] == f"Bearer {token}"
            assert (headers["apikey"], headers["x-workspace"]) == (KEY, "robot")
        first.schema_version()
        headers = route.calls.last.request.headers
        assert (headers["authorization"], headers["x-workspace"]) == (f"Bearer {KEY}", "car")
