"""Threads, forks, closing and sharing the connections, against a real local server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import pickle
import random
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
import pytest
import respx

from sharedstate import AsyncSharedState, RetryPolicy, SharedState, _http, errors
from sharedstate._http import LIMITS

if TYPE_CHECKING:
    from tests.unit.conftest import LocalServer


ROUNDS = 400


def _conflict(body: dict[str, Any]) -> dict[str, Any]:
    return {"conflict_id": int(body["description"])}


def test_many_threads_share_one_client_and_each_gets_its_own_answer(
    shared: SharedState, local_server: LocalServer
) -> None:
    local_server.answer = _conflict

    def ask(number: int) -> int:
        return shared.log_conflict("low", "a", "b", str(number))

    with shared, ThreadPoolExecutor(32) as threads:
        assert list(threads.map(ask, range(2_000))) == list(range(2_000))
    assert len({body["request_id"] for body in local_server.bodies}) == 2_000
    assert len(local_server.connections) <= 32


def test_every_idle_connection_is_kept_alive() -> None:
    """httpcore closes what is surplus, even when another thread has just been given it."""
    assert LIMITS.max_keepalive_connections == LIMITS.max_connections


def test_connections_are_kept_between_calls(shared: SharedState, local_server: LocalServer) -> None:
    with shared:
        for _ in range(20):
            shared.health()
    assert len(local_server.connections) == 1


def test_an_async_client_serves_on_after_many_cancelled_calls(
    local_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """httpx's own transport loses a place in its pool to some of them: here it has only 10."""
    few = httpx.Limits(max_connections=10, max_keepalive_connections=10)
    monkeypatch.setattr(_http, "LIMITS", few)
    dice = random.Random(1)

    async def ask(state: AsyncSharedState) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(dice.random() * 0.03):
                await asyncio.gather(*(state.health() for _ in range(5)))

    async def run() -> None:
        async with AsyncSharedState("my-run", url=local_server.url, key="key") as state:
            for _ in range(ROUNDS):
                await ask(state)
            async with asyncio.timeout(20):
                await asyncio.gather(*(state.health() for _ in range(100)))

    def slowly(_: dict[str, Any]) -> dict[str, Any]:
        time.sleep(0.001)
        return {"ok": True}

    local_server.answer = slowly
    asyncio.run(run())


def test_closing_closes_the_sockets(shared: SharedState, local_server: LocalServer) -> None:
    shared.health()
    assert local_server.open_connections == 1
    shared.close()
    assert local_server.wait_until_no_connection_is_open()


def test_a_call_after_closing_is_refused_clearly_and_closing_twice_is_fine(
    shared: SharedState, local_server: LocalServer
) -> None:
    with shared:
        shared.health()
    shared.close()
    with pytest.raises(errors.ClientClosed, match="closed"):
        shared.health()
    with pytest.raises(errors.ClientClosed):
        shared.log_agent_activity("a", "b")
    with pytest.raises(errors.ClientClosed):
        shared.supabase.rpc("health").execute()
    assert len(local_server.bodies) == 1


def test_closing_without_any_call_is_fine() -> None:
    state = SharedState(url="http://127.0.0.1:9", key="key")
    state.close()
    state.close()


def test_closing_ends_the_pause_before_a_retry(service: respx.MockRouter) -> None:
    failed = threading.Event()

    def fail(_: httpx.Request) -> httpx.Response:
        failed.set()
        raise httpx.ConnectError("refused")

    service.post("rpc/health").mock(side_effect=fail)
    patient = RetryPolicy(base_s=3600, cap_s=3600, deadline_s=7200)
    state = SharedState(url="http://service.test", key="key", retry=patient)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(state.health)
        assert failed.wait(10)
        state.close()
        with pytest.raises(errors.ClientClosed):
            call.result(timeout=10)


def test_an_error_inside_a_with_block_closes_as_well(
    shared: SharedState, local_server: LocalServer
) -> None:
    with pytest.raises(KeyError), shared:
        shared.health()
        raise KeyError
    assert local_server.wait_until_no_connection_is_open()


def test_a_client_that_is_to_be_pickled_says_what_to_do_instead(shared: SharedState) -> None:
    with pytest.raises(TypeError, match="make a new one in each process"):
        pickle.dumps(shared)


def test_a_dropped_connection_is_made_again_with_the_same_request_id() -> None:
    seen: list[dict[str, Any]] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answers in (False, True):
                connection, _ = listening.accept()
                with connection, connection.makefile("rb") as request:
                    length = 0
                    while (line := request.readline().lower()) != b"\r\n":
                        if line.startswith(b"content-length:"):
                            length = int(line.split(b":")[1])
                    seen.append(json.loads(request.read(length)))
                    if answers:
                        connection.sendall(
                            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                            b'Content-Length: 17\r\n\r\n{"conflict_id":7}'
                        )

        server = threading.Thread(target=serve)
        server.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with SharedState(url=url, key="key", retry=RetryPolicy(base_s=0.0)) as state:
            assert state.log_conflict("low", "a", "b", "c") == 7
        server.join()
    assert seen[0]["request_id"] == seen[1]["request_id"]


def test_a_port_where_nobody_listens_is_service_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with (
        SharedState(url=url, key="key", retry=RetryPolicy(base_s=0.0)) as state,
        pytest.raises(errors.ServiceUnavailable, match="refused"),
    ):
        state.log_agent_activity("a", "b")


def test_a_server_that_never_answers_is_given_up_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        policy = RetryPolicy(attempts=2, base_s=0.0)
        with SharedState(url=url, key="key", timeout_seconds=0.05, retry=policy) as state:
            with pytest.raises(errors.OutcomeUnknown, match="ReadTimeout"):
                state.log_agent_activity("a", "b")
            with pytest.raises(errors.ServiceUnavailable, match="ReadTimeout"):
                state.health()


def test_supabase_is_the_full_client_on_the_same_connections(
    shared: SharedState, local_server: LocalServer
) -> None:
    with shared:
        shared.health()
        answer = shared.supabase.rpc("health", {"a": 1}).execute()
        assert answer.data == {"a": 1}
        assert shared.supabase is shared.supabase
    assert len(local_server.connections) == 1
    assert local_server.wait_until_no_connection_is_open()


def test_supabase_sends_our_key_and_workspace(service: respx.MockRouter) -> None:
    route = service.get("subsystems").respond(json=[])
    with SharedState(url="http://service.test", key="the-key", workspace="robot") as state:
        state.supabase.table("subsystems").select("*").execute()
    headers = route.calls.last.request.headers
    assert headers["x-workspace"] == "robot"
    assert headers["apikey"] == "the-key"
    assert headers["authorization"] == "Bearer the-key"


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://without-scheme.test", "http://proxy:1"),
        ("http://127.0.0.1:8000", None),
        ("http://localhost:8000", None),
        ("http://inside.test", None),
        ("http://project.supabase.co", "http://proxy:1"),
        ("https://project.supabase.co", "http://proxy:2"),
    ],
)
def test_a_proxy_of_the_environment_is_used_but_never_for_this_machine(
    url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_scheme = "without-scheme" in url
    monkeypatch.setenv("http_proxy", "proxy:1" if without_scheme else "http://proxy:1")
    monkeypatch.setenv("https_proxy", "http://proxy:2")
    monkeypatch.setenv("no_proxy", "inside.test")
    with SharedState(url=url, key="key") as state:
        pool = state._http._transport_for_url(httpx.URL(url))._pool  # type: ignore[attr-defined]
        assert isinstance(pool, httpcore.HTTPProxy) is (proxy is not None)
        if proxy is not None:
            assert pool._proxy_url.host + b":%d" % pool._proxy_url.port == proxy[7:].encode()


@pytest.mark.parametrize(
    "proxy",
    [
        *("socks5://user:secret@proxy:1", "ftp://proxy", "http://[::1"),
        "http://user:secret/x@proxy:1",
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_and_not_shown(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setitem(sys.modules, "socksio", None)  # whether or not it is installed here

    for make in (SharedState, AsyncSharedState):
        with pytest.raises(errors.InvalidArgument, match="proxy of the environment") as caught:
            make(url="http://service.test", key="key")
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("make", [SharedState, AsyncSharedState])
def test_a_socks_proxy_is_refused_by_name(
    make: type[SharedState | AsyncSharedState], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", "socks5://proxy:1")
    with pytest.raises(errors.InvalidArgument, match="takes no SOCKS proxy"):
        make(url="http://service.test", key="key")
    make(url="http://127.0.0.1:9", key="key")


def test_maybe_single_through_supabase_returns_none_without_a_row(
    service: respx.MockRouter, client: SharedState
) -> None:
    service.get("subsystems").respond(json=[])
    query = client.supabase.table("subsystems").select("*").maybe_single()
    assert query.execute() is None


def test_what_supabase_changes_by_itself_is_sent_once_when_it_may_have_arrived(
    service: respx.MockRouter, client: SharedState
) -> None:
    route = service.post("rpc/log_agent_activity").mock(side_effect=httpx.ReadTimeout("slow"))
    with pytest.raises(errors.OutcomeUnknown, match="Look whether it was done"):
        client.supabase.rpc("log_agent_activity", {"agent_name": "a"}).execute()
    assert route.call_count == 1
    read = service.get("subsystems").mock(side_effect=httpx.ReadTimeout("slow"))
    with pytest.raises(errors.ServiceUnavailable):
        client.supabase.table("subsystems").select("*").execute()
    assert read.call_count == 5


def test_supabase_is_told_of_a_write_that_was_answered_with_nothing_in_it(
    service: respx.MockRouter, client: SharedState
) -> None:
    service.post("subsystems").respond(200, content=b"")
    assert client.supabase.table("subsystems").upsert({"name": "a"}).execute().data == []


def test_closing_during_a_mutation_leaves_its_outcome_open(local_server: LocalServer) -> None:
    arrived, gone_on = threading.Event(), threading.Event()

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        arrived.set()
        gone_on.wait(10)
        return body

    local_server.answer = answer
    state = SharedState(url=local_server.url, key="key", timeout_seconds=0.5)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(state.log_agent_activity, "a", "b")
        assert arrived.wait(10)
        state.close()
        with pytest.raises(errors.OutcomeUnknown):
            call.result(timeout=10)
        gone_on.set()


def test_a_second_event_loop_leaves_no_complaint_about_the_first(
    local_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    state = AsyncSharedState(url=local_server.url, key="k")
    for _ in range(3):
        asyncio.run(state.health())
    asyncio.run(state.close())
    gc.collect()
    assert not caplog.records


def test_a_full_async_pool_is_no_fault_of_the_server(
    local_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_http, "LIMITS", httpx.Limits(max_connections=1))
    for module in ("_sending", "_http_async"):
        monkeypatch.setattr(f"sharedstate.{module}.CONNECT_TIMEOUT_S", 0.1)
    gone_on = threading.Event()
    local_server.answer = lambda _: {"ok": gone_on.wait(10)}

    async def run() -> None:
        options: Any = {"url": local_server.url, "key": "k", "retry": RetryPolicy(attempts=1)}
        async with AsyncSharedState(timeout_seconds=1, **options) as state:
            first = asyncio.create_task(state._rpc("health", {}, dict, timeout_s=10))
            await asyncio.sleep(0)
            with pytest.raises(errors.ServiceUnavailable, match="share it between fewer"):
                await state.health()
            gone_on.set()
            await asyncio.wait({first})

    asyncio.run(run())
