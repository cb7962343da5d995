"""AsyncSharedState is SharedState with `await`."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx

from sharedstate import AsyncSharedState, RetryPolicy, SharedState, errors

if TYPE_CHECKING:
    from tests.unit.conftest import LocalServer

ROOT = Path(__file__).parents[2]
OWN = {"aclose", "__aenter__", "__aexit__"}
EDITORS = tuple(f"edit_{one}" for one in ("requirements", "interfaces", "design"))
# They only make an object; its methods wait.
MAKERS = (
    "lock",
    "locks",
    "for_execution",
    "for_token",
    "follow_activity",
    "edit_global_constraints",
    *EDITORS,
)


def _members(kind: type) -> dict[str, Any]:
    return {
        name: member
        for name, member in inspect.getmembers(kind)
        if (not name.startswith("_") or name == "__init__") and name not in OWN
    }


def _like_sync(method: Callable[..., Any]) -> str:
    return str(inspect.signature(method)).replace("Async", "")


def test_the_sync_modules_are_what_unasync_makes_of_the_async_ones() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "build_sync.py", "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_sync_and_async_have_the_same_methods_with_the_same_signatures() -> None:
    sync, twin = _members(SharedState), _members(AsyncSharedState)
    assert sync.keys() == twin.keys()
    for name, method in sync.items():
        if inspect.isfunction(method):
            assert str(inspect.signature(method)) == _like_sync(twin[name]), name
            waits = name not in ("__init__", "set_key", *MAKERS)
            assert inspect.iscoroutinefunction(twin[name]) is waits, name


def test_the_async_client_calls_retries_and_raises_like_the_sync_one(
    service: respx.MockRouter,
) -> None:
    route = service.post("rpc/log_conflict")
    route.side_effect = [
        httpx.ReadTimeout("slow"),
        httpx.Response(200, json={"conflict_id": 4}),
        httpx.Response(400, json={"code": "PT400", "message": "invalid_argument"}),
    ]

    async def run() -> int:
        policy = RetryPolicy(base_s=0.0)
        async with AsyncSharedState(url="http://service.test", key="k", retry=policy) as state:
            number = await state.log_conflict("low", "a", "b", "c")
            with pytest.raises(errors.InvalidArgument):
                await state.log_conflict("low", "a", "b", "c")
            return number

    assert asyncio.run(run()) == 4
    ids = [json.loads(call.request.content)["request_id"] for call in route.calls]
    assert ids[0] == ids[1] != ids[2]


def test_many_tasks_share_one_client_and_closing_closes_the_sockets(
    local_server: LocalServer,
) -> None:
    local_server.answer = lambda body: {"conflict_id": int(body["description"])}

    async def run() -> list[int]:
        async with AsyncSharedState(url=local_server.url, key="k") as state:
            asks = (state.log_conflict("low", "a", "b", str(n)) for n in range(200))
            return await asyncio.gather(*asks)

    assert asyncio.run(run()) == list(range(200))
    assert local_server.wait_until_no_connection_is_open()


def test_a_second_event_loop_gets_connections_of_its_own(local_server: LocalServer) -> None:
    state = AsyncSharedState(url=local_server.url, key="k")
    for _ in range(2):
        assert asyncio.run(state.health()) == {}  # type: ignore[comparison-overlap]
    asyncio.run(state.aclose())
    with pytest.raises(errors.ClientClosed):
        asyncio.run(state.health())


def test_supabase_is_the_full_async_client_on_the_same_connections(
    local_server: LocalServer,
) -> None:
    async def run() -> Any:
        async with AsyncSharedState(url=local_server.url, key="k") as state:
            await state.health()
            return (await state.supabase.rpc("health", {"a": 1}).execute()).data

    assert asyncio.run(run()) == {"a": 1}
    assert len(local_server.connections) == 1
