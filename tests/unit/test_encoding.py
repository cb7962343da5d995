"""What can be sent as an argument, and what is refused before anything is sent."""

from __future__ import annotations

import types
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import respx

from sharedstate import SharedState, errors

CIRCULAR: dict[str, Any] = {"name": "a"}
CIRCULAR["self"] = [CIRCULAR]
LONG = Decimal("12.345678901234567890123")


@pytest.mark.parametrize(
    ("status", "place", "reason"),
    [
        ({"current_mass_kg": float("nan")}, "status.current_mass_kg", "not a finite number"),
        ({"a": [1, {"b": float("inf")}]}, "status.a[1].b", "not a finite number"),
        ({"a": -float("inf")}, "status.a", "not a finite number"),
        ({"a": Decimal("NaN")}, "status.a", "not a finite number"),
        ({"a": LONG}, "status.a", "more digits"),
        ({"a": Decimal("1E+999999")}, "status.a", "more digits"),
        ({"a": {1, 2}}, "status.a", "is a set"),
        ({"a": (1, object())}, "status.a[1]", "is a object"),
        ({"a": "\ud800"}, "arguments", "surrogates not allowed"),
        ({"a\udfff": 1}, "arguments", "surrogates not allowed"),
        ({(1, 2): 1}, "arguments", "keys must be str"),
        (CIRCULAR, "arguments", "contain themselves"),
        ({"a": 10**5000}, "arguments", "digits"),
    ],
)
def test_what_json_cannot_carry_is_refused_with_its_place(
    status: dict[Any, Any], place: str, reason: str, client: SharedState, service: respx.MockRouter
) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        client.update_subsystem_status("skeleton", status)
    assert caught.value.detail["argument"] == place
    assert reason in caught.value.detail["reason"]
    assert not service.calls


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (Decimal("12.5"), "12.5"),
        (Decimal("2400"), "2400"),
        (Decimal("0.1"), "0.1"),
        (Decimal("1E+3"), "1000"),
        (Decimal("123456789012345678901234567890"), "123456789012345678901234567890"),
        (2**80, str(2**80)),
        (0.1, "0.1"),
        (UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
        (datetime(2026, 11, 22, 19, 0, tzinfo=UTC), '"2026-11-22T19:00:00+00:00"'),
        (date(2026, 11, 22), '"2026-11-22"'),
        (types.MappingProxyType({"a": (1, 2)}), '{"a":[1,2]}'),
        ("ä\n\"\\u0000", '"ä\\n\\"\\\\u0000"'),
        (None, "null"),
        (True, "true"),
    ],
)  # fmt: skip
def test_what_has_an_exact_json_form_is_sent_in_it(
    value: Any, sent: str, client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/update_subsystem_status").respond(json={"version": 1})
    client.update_subsystem_status("skeleton", {"v": value})
    assert '"status":{"v":' + sent + "}" in route.calls.last.request.content.decode()
