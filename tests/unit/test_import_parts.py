"""A document is imported in parts that each fit into one request."""

from __future__ import annotations

import json
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import httpx
import pytest
import respx

from sharedstate import SharedState, errors

ID = "7d1d9a52-33a4-4f0f-8d7e-0c4b6f2f9a10"


@pytest.fixture
def sent(service: respx.MockRouter) -> list[dict[str, Any]]:
    """The bodies sent to import_state; it answers that all was imported."""
    bodies: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert len(request.content) < 8 * 1024 * 1024
        body = json.loads(request.content)
        bodies.append(body)
        counts = [
            {"section": name, "imported": len(entries), "unchanged": 0, "refused": 1}
            for name, entries in body["document"].items()
            if name != "format"
        ]
        return httpx.Response(200, json=counts)

    service.post("rpc/import_state").mock(side_effect=answer)
    return bodies


def _log(count: int, size: int = 1) -> list[dict[str, Any]]:
    return [{"activity": "a", "details": {"n": n, "text": "x" * size}} for n in range(count)]


def test_no_number_of_an_export_is_rounded_and_none_that_is_imported(
    client: SharedState, service: respx.MockRouter
) -> None:
    digits = "0.12345678901234567890123"
    text = (
        '{"format":"sharedstate/1","subsystems":[{"name":"a","current_mass_kg":12.5,'
        f'"metadata":{{"exact":[{digits},-1.5E+400,{"9" * 30}]}}}}],"counters":{{"x":{digits}}}}}'
    )
    service.post("rpc/export_state").respond(text=text)
    imported = service.post("rpc/import_state").respond(json=[])
    document = client.export_state()
    (entry,) = document["subsystems"]
    assert type(entry["current_mass_kg"]) is float
    assert entry["metadata"]["exact"] == [Decimal(digits), Decimal("-1.5E+400"), 10**30 - 1]
    client.import_state(document)
    assert f'{{"document":{text},"request_id":' in imported.calls.last.request.content.decode()


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity"), Decimal("1E+2000")])
def test_a_decimal_that_no_number_can_hold_is_refused_with_its_place(
    number: Decimal, client: SharedState
) -> None:
    mapping = MappingProxyType({"b": (1, number)})
    with pytest.raises(errors.InvalidArgument) as caught:
        client.import_state({"subsystems": [{"a": Decimal("0." + "1" * 30), "m": mapping}]})
    assert caught.value.detail["argument"] == "document.subsystems[0].m.b[1]"


def test_beside_a_long_decimal_all_else_is_written_as_ever(
    client: SharedState, sent: list[dict[str, Any]]
) -> None:
    entry = {"d": Decimal("0." + "1" * 30), "t": (1, UUID(ID)), 1: None, "m": MappingProxyType({})}
    client.import_state({"subsystems": [entry]})
    (row,) = sent[0]["document"]["subsystems"]
    assert row == {"d": pytest.approx(1 / 9), "t": [1, ID], "1": None, "m": {}}


def test_a_small_document_is_sent_in_one_part_as_it_is(
    client: SharedState, sent: list[dict[str, Any]]
) -> None:
    document = {
        "format": "sharedstate/1",
        "workspace": "other",
        "exported_at": "2026-11-22T19:00:00+00:00",
        "subsystems": [{"name": "skeleton", "metadata": {"ä": [1.5, None]}}],
        "conflicts": [],
        "counters": {"last_conflict_id": 3, "fencing": []},
    }
    counts = client.import_state(document, request_id=ID)
    wanted = {name: document[name] for name in ("format", "subsystems", "counters")}
    assert [body["document"] for body in sent] == [wanted]
    assert counts == [
        {"section": "subsystems", "imported": 1, "unchanged": 0, "refused": 1},
        {"section": "counters", "imported": 2, "unchanged": 0, "refused": 1},
    ]


def test_a_long_log_is_split_and_the_counts_are_added_up(
    client: SharedState, sent: list[dict[str, Any]]
) -> None:
    log = _log(4_500)
    progress: list[tuple[int, int]] = []
    document = {"subsystems": [{"name": "a"}], "agent_activity_logs": log}
    counts = client.import_state(document, on_progress=lambda *now: progress.append(now))
    assert [len(body["document"]["agent_activity_logs"]) for body in sent] == [1_999, 2_000, 501]
    together = [entry for body in sent for entry in body["document"]["agent_activity_logs"]]
    assert together == log
    assert counts[1] == {
        "section": "agent_activity_logs",
        "imported": 4_500,
        "unchanged": 0,
        "refused": 3,
    }
    assert progress == [(2_000, 4_501), (4_000, 4_501), (4_501, 4_501)]
    assert len({body["request_id"] for body in sent}) == 3


def test_large_entries_make_more_parts(client: SharedState, sent: list[dict[str, Any]]) -> None:
    client.import_state({"agent_activity_logs": _log(10, size=3_000_000)})
    assert [len(body["document"]["agent_activity_logs"]) for body in sent] == [2] * 5


def test_an_entry_over_the_limit_of_a_request_is_refused(
    client: SharedState, sent: list[dict[str, Any]]
) -> None:
    with pytest.raises(errors.PayloadTooLarge):
        client.import_state({"agent_activity_logs": _log(1, size=11_000_000)})
    assert not sent


def test_the_same_request_id_gives_every_part_the_same_id_again(
    client: SharedState, sent: list[dict[str, Any]]
) -> None:
    for _ in range(2):
        client.import_state({"agent_activity_logs": _log(2_001)}, request_id=ID)
    ids = [body["request_id"] for body in sent]
    assert ids[:2] == ids[2:]
    assert ids[0] != ids[1]


def test_an_empty_document_is_sent_all_the_same(
    client: SharedState, sent: list[dict[str, Any]]
) -> None:
    assert client.import_state({}) == []
    assert [body["document"] for body in sent] == [{"format": "sharedstate/1"}]


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "document"),
        ({"format": "sharedstate/9"}, "document.format"),
        ({"subsytems": []}, "document.subsytems"),
        ({"conflicts": {}}, "document.conflicts"),
        ({"conflicts": None}, "document.conflicts"),
        ({"subsystems": [{"name": "a"}, {"m": float("nan")}]}, "document.subsystems[1].m"),
    ],
)
def test_what_is_no_document_is_refused_before_anything_is_sent(
    document: Any, place: str, client: SharedState, sent: list[dict[str, Any]]
) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        client.import_state(document)
    assert caught.value.detail["argument"] == place
    assert not sent
