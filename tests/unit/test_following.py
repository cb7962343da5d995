"""follow_activity without a service: what it asks, what comes out, when it ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
import respx

from sharedstate import AsyncSharedState, RetryPolicy, SharedState, errors

NOW = 0.0


def entry(number: int) -> dict[str, Any]:
    return {"id": number, "transaction_id": "70", "agent_name": "a", "activity": f"step {number}"}


def page(*numbers: int, cursor: str, more: bool = False, retry_ms: int = 1) -> httpx.Response:
    entries = [entry(number) for number in numbers]
    answer = {"entries": entries, "cursor": cursor, "more": more, "retry_ms": retry_ms}
    return httpx.Response(200, json=answer)


DOWN = httpx.Response(503, json={"code": "PGRST001", "message": "no connection"})


@pytest.fixture
def route(service: respx.MockRouter) -> respx.Route:
    return service.post("rpc/read_activity")


def asked(route: respx.Route) -> list[Any]:
    return [json.loads(call.request.content)["cursor"] for call in route.calls]


def test_a_feed_asks_from_the_cursor_of_the_last_answer_until_its_timeout(
    client: SharedState, route: respx.Route
) -> None:
    route.side_effect = [
        page(cursor="70/5"),
        page(6, 7, cursor="70/9", more=True),
        page(cursor="71/1", more=True),
        page(11, cursor="71/11"),
        page(cursor="71/11"),
    ]
    assert client.follow_activity().cursor is None
    with client.follow_activity(timeout=NOW) as feed:
        assert feed.cursor == "70/5"
        assert [one["id"] for one in feed] == [6, 7, 11]
    assert asked(route) == [None, "70/5", "70/9", "71/1", "71/11"]


def test_the_cursor_is_that_of_the_entry_that_came_out_last(
    client: SharedState, route: respx.Route
) -> None:
    """Who stops in the middle of a page goes on in the middle of it."""
    route.side_effect = [page(6, 7, cursor="70/9")]
    feed = client.follow_activity(from_start=True)
    assert feed.cursor == "0/0"
    assert next(feed)["id"] == 6
    assert feed.cursor == "70/6"
    assert next(feed)["id"] == 7
    assert feed.cursor == "70/9"
    assert asked(route) == ["0/0"]


def test_after_a_timeout_it_can_be_iterated_again(client: SharedState, route: respx.Route) -> None:
    route.side_effect = [page(cursor="70/5"), page(6, cursor="70/6"), page(cursor="70/6")]
    feed = client.follow_activity(since_cursor="70/5", timeout=NOW)
    assert list(feed) == []
    assert [one["id"] for one in feed] == [6]


def test_a_feed_pauses_for_the_retry_ms_of_the_answer(
    client: SharedState, route: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(client, "_pause", pauses.append)
    route.side_effect = [page(cursor="70/5", retry_ms=900), page(6, cursor="70/6", retry_ms=100)]
    assert next(client.follow_activity(since_cursor="70/5"))["id"] == 6
    assert [0.9 <= pause <= 1.08 for pause in pauses] == [True]


def test_poll_seconds_replace_the_retry_ms_of_the_answer(
    client: SharedState, route: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(client, "_pause", pauses.append)
    route.side_effect = [page(cursor="70/5", retry_ms=900), page(6, cursor="70/6")]
    assert next(client.follow_activity(since_cursor="70/5", poll_seconds=0.3))["id"] == 6
    assert pauses == [0.3]


def test_an_outage_after_the_first_answer_only_delays(
    client: SharedState, route: respx.Route
) -> None:
    route.side_effect = [page(cursor="70/5"), *[DOWN] * 12, page(6, cursor="70/6")]
    with client.follow_activity(poll_seconds=0.01) as feed:
        assert next(feed)["id"] == 6


def test_a_service_that_never_answered_is_an_error(client: SharedState, route: respx.Route) -> None:
    route.side_effect = [DOWN] * 10
    with pytest.raises(errors.ServiceUnavailable):
        next(client.follow_activity(from_start=True))
    with pytest.raises(errors.ServiceUnavailable), client.follow_activity():
        raise AssertionError("not reached")


def test_an_error_of_the_database_ends_the_loop(client: SharedState, route: respx.Route) -> None:
    restored = httpx.Response(409, json={"code": "PT409", "message": "log_restored"})
    route.side_effect = [page(cursor="70/5"), restored]
    with client.follow_activity() as feed, pytest.raises(errors.LogRestored):
        next(feed)


def test_closing_a_feed_drops_entries_that_were_fetched(
    client: SharedState, route: respx.Route
) -> None:
    route.side_effect = [page(6, 7, 8, cursor="70/8")]
    feed = client.follow_activity(from_start=True)
    for one in feed:
        assert one["id"] == 6
        feed.close()
    assert feed.cursor == "70/6"


def test_a_closed_client_ends_a_feed_with_an_error(client: SharedState, route: respx.Route) -> None:
    route.side_effect = [page(cursor="70/5")]
    with client.follow_activity() as feed:
        client.close()
        with pytest.raises(errors.ClientClosed):
            next(feed)


def test_filters_are_sent(client: SharedState, route: respx.Route) -> None:
    route.side_effect = [page(cursor="70/5")]
    client.follow_activity("power_agent", execution_id="run-1", activity="b").__enter__()
    assert json.loads(route.calls.last.request.content) == {
        "cursor": None,
        "limit_count": 500,
        "agent_name": "power_agent",
        "execution_id": "run-1",
        "activity": "b",
    }


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("poll_seconds", value) for value in (0, -1, "1", True, float("nan"))),
        *(("timeout", value) for value in (-0.1, "1", True, float("inf"))),
    ],
)
def test_an_invalid_timeout_or_poll_seconds_is_refused(
    client: SharedState, argument: str, value: Any
) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        client.follow_activity(**{argument: value})
    assert caught.value.detail["argument"] == argument


def test_since_cursor_together_with_from_start_is_refused(client: SharedState) -> None:
    with pytest.raises(errors.InvalidArgument, match="from_start"):
        client.follow_activity(since_cursor="70/5", from_start=True)


def test_the_async_feed_does_the_same(route: respx.Route) -> None:
    route.side_effect = [
        page(cursor="70/5"),
        DOWN,
        page(6, 7, cursor="70/9"),
        page(cursor="70/9"),
    ]

    async def run() -> list[int]:
        policy = RetryPolicy(attempts=1)
        async with (
            AsyncSharedState(url="http://service.test", key="k", retry=policy) as state,
            state.follow_activity(poll_seconds=0.01, timeout=0.1) as feed,
        ):
            first = await anext(feed)
            feed.close()
            assert [one async for one in feed] == []
            assert feed.cursor == "70/6"
            return [first["id"]]

    assert asyncio.run(run()) == [6]


def test_pruning_goes_on_until_nothing_is_left_with_a_request_id_for_each_step(
    client: SharedState, service: respx.MockRouter
) -> None:
    route = service.post("rpc/prune_activity")
    sent: list[list[dict[str, Any]]] = []
    for _ in range(2):
        route.side_effect = [httpx.Response(200, json=count) for count in (20_000, 7, 0)]
        identity = "00000000-0000-0000-0000-000000000001"
        total = client.prune_activity("2026-01-01T00:00:00Z", request_id=identity)
        assert total == 20_007
        sent.append([json.loads(call.request.content) for call in route.calls][-3:])
    assert sent[0] == sent[1]
    assert len({body["request_id"] for body in sent[0]}) == 3
    assert {body["older_than"] for body in sent[0]} == {"2026-01-01T00:00:00Z"}


@pytest.mark.parametrize("argument", ["since", "until"])
@pytest.mark.parametrize("value", [5, [], True])
def test_a_text_that_is_no_time_is_refused(client: SharedState, argument: str, value: Any) -> None:
    with pytest.raises(errors.InvalidArgument, match="no time with a zone"):
        client.get_recent_activity(**{argument: value})


def test_entries_that_are_no_list_are_refused(client: SharedState) -> None:
    entries: Any
    for entries in ("text", {"agent_name": "a"}, 5):
        with pytest.raises(errors.InvalidArgument, match="entries"):
            client.log_agent_activities(entries)
