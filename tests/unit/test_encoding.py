"""What can be sent as an argument, and what is refused before anything is sent."""

from __future__ import annotations

import json
import types
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import respx

from sharedstate import SharedState, errors
from sharedstate.http.encoding import MAX_BODY_BYTES, MAX_DEPTH, encode

CIRCULAR: dict[str, Any] = {"name": "a"}
CIRCULAR["self"] = [CIRCULAR]
LONG = Decimal("12.345678901234567890123")


def _nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(depth):
        document = {"d": document}
    return document


@pytest.mark.parametrize(
    ("status", "place", "reason"),
    [
        ({"current_mass_kg": float("nan")}, "status.current_mass_kg", "not a finite number"),
        ({"a": [1, {"b": float("inf")}]}, "status.a[1].b", "not a finite number"),
        ({"a": -float("inf")}, "status.a", "not a finite number"),
        ({"a": Decimal("NaN")}, "status.a", "not a finite number"),
        ({"a": LONG}, "status.a", "more digits"),
        ({"a": Decimal("1E+999999")}, "status.a", "more digits"),
        ({"a": datetime(2026, 11, 22)}, "status.a", "without a zone"),
        ({"a": {1, 2}}, "status.a", "is a set"),
        ({"a": b"bytes"}, "status.a", "is a bytes"),
        ({"a": (1, object())}, "status.a[1]", "is a object"),
        ({"a": "x\x00y"}, "status.a", "NUL"),
        ({"a\x00": 1}, "status.a\x00", "NUL"),
        ({"a": "\ud800"}, "status.a", "surrogate"),
        ({(1, 2): 1}, "status.(1, 2)", "as its key"),
        (CIRCULAR, "status.self[0]", "contains itself"),
        (_nested(200_000), "status" + ".d" * (MAX_DEPTH - 1), "deeper than"),
        ({"a": 10**5000}, "status.a", "digits"),
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
def test_what_has_an_exact_json_form_is_sent_in_it(value: Any, sent: str) -> None:
    assert encode({"v": value}).decode() == '{"v":' + sent + "}"


def test_a_deep_but_legal_document_is_sent() -> None:
    assert json.loads(encode(_nested(300)))


def test_a_body_over_the_limit_is_not_sent(client: SharedState, service: respx.MockRouter) -> None:
    with pytest.raises(errors.PayloadTooLarge) as caught:
        client.update_subsystem_status("skeleton", {"notes": "x" * MAX_BODY_BYTES})
    assert caught.value.detail["limit_bytes"] == MAX_BODY_BYTES
    assert caught.value.detail["bytes"] > MAX_BODY_BYTES
    assert not service.calls
