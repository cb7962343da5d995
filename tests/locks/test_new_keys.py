"""A new key counts at once; an expired one is named as what a lock was lost to."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from tests.locks.conftest import Make, outlives, until, until_async

from sharedstate import AsyncSharedState, errors
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.keys import make_token

DOOR = ("door", "narrow", "agent")


@pytest.fixture
def expired(stack: StackInfo) -> str:
    return make_token(stack.jwt_secret, "authenticated", ttl=-3600)


def test_a_new_key_is_used_by_the_next_call_and_by_the_renewal(
    make: Make, stack: StackInfo, expired: str
) -> None:
    state = make()
    with state.lock(*DOOR, 3) as lock:
        state.set_key(expired)
        with pytest.raises(errors.ExpiredKey, match="expired at 20"):
            state.health()
        state.set_key(make_token(stack.jwt_secret, "authenticated", ttl=3600))
        assert state.health()["status"] == "ok"
        until(outlives(lock))
        assert not lock.lost and lock.lost_because is None


def test_a_lock_that_was_lost_to_an_expired_key_says_so(
    make: Make, stack: StackInfo, expired: str, caplog: pytest.LogCaptureFixture
) -> None:
    state, told = make(), []
    # Of three seconds two are left for the answer to a renewal, also on a busy machine.
    lock = state.lock(*DOOR, 3, on_lost=lambda lost: told.append(lost.lost_because))
    assert lock.acquire()
    with caplog.at_level(logging.WARNING, "sharedstate"):
        state.set_key(expired)
        until(lambda: bool(told))
    assert isinstance(told[0], errors.ExpiredKey) and isinstance(lock.lost_because, type(told[0]))
    assert "door/narrow was lost: expired_key" in caplog.text
    state.set_key(stack.agent_key)
    until(lambda: state.get_lock("door", "narrow") is None)
    with pytest.raises(errors.LeaseLost):
        lock.release()


def test_an_async_client_and_its_feed_go_on_with_a_new_key(
    stack: StackInfo, workspace: str, expired: str
) -> None:
    async def run() -> list[str]:
        async with AsyncSharedState(
            workspace=workspace, url=stack.url, key=stack.agent_key
        ) as state:
            lock = state.lock(*DOOR, 3)
            async with lock, state.follow_activity("agent", timeout=20) as feed:
                state.set_key(expired)
                with pytest.raises(errors.ExpiredKey):
                    await anext(feed)
                state.set_key(make_token(stack.jwt_secret, "authenticated", ttl=3600))
                await state.log_agent_activity("agent", "went on")
                entry: Any = await anext(feed)
                await until_async(outlives(lock))
                return [entry["activity"]]

    assert asyncio.run(run()) == ["went on"]


def test_a_key_of_another_workspace_is_refused(make: Make, stack: StackInfo) -> None:
    state = make()
    with pytest.raises(errors.InvalidArgument, match="is one of the workspace elsewhere"):
        state.set_key(make_token(stack.jwt_secret, "authenticated", workspace="elsewhere"))
    with pytest.raises(errors.InvalidArgument, match="characters that no key has"):
        state.set_key("two words")
    assert state.health()["status"] == "ok"
