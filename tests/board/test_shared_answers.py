"""Boards that one key opens share an answer for a second, which the gateway keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, Request, expect
from tests.conftest import Rpc

from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.keys import make_token

Ask = Callable[..., Any]
# A second may end between any two questions, so what is to be the same is asked for in pairs.
PAIRS = 50


@pytest.fixture
def ask(stack: StackInfo) -> Iterator[Ask]:
    """The board of a workspace by a key, as the page asks for it; own=True: not a shared one."""
    with httpx.Client(base_url=stack.url, trust_env=False, timeout=60) as client:

        def get(key: str, workspace: str, *, own: bool = False) -> Any:
            headers = {"apikey": key, "x-workspace": workspace}
            shared = {} if own else {"cache-control": "max-age=1"}
            answer = client.get("/rest/v1/rpc/get_board", headers=headers | shared)
            return answer.raise_for_status().json()

        yield get


def time_of(board: Any) -> datetime:
    return datetime.fromisoformat(board["server_time"])


def test_who_asks_with_the_same_key_in_the_same_second_gets_the_same_answer(
    ask: Ask, stack: StackInfo, workspace: str
) -> None:
    pairs = ([ask(stack.agent_key, workspace) for _ in range(2)] for _ in range(PAIRS))
    assert any(first == second for first, second in pairs)


def test_no_shared_answer_is_older_than_a_second(
    ask: Ask, stack: StackInfo, workspace: str
) -> None:
    start = time_of(ask(stack.agent_key, workspace))
    shared = start
    # nginx counts whole seconds, so what it keeps for one it may keep for nearly two.
    while shared < start + timedelta(seconds=3):
        own = time_of(ask(stack.agent_key, workspace, own=True))
        shared = time_of(ask(stack.agent_key, workspace))
        assert shared > own - timedelta(seconds=1)


def test_another_key_or_another_workspace_gets_an_answer_of_its_own(
    ask: Ask, stack: StackInfo, workspace: str
) -> None:
    other_key = make_token(stack.jwt_secret, "authenticated", agent="kim")
    for _ in range(10):
        first = ask(stack.agent_key, workspace)
        assert first["workspace"] == workspace
        assert ask(stack.agent_key, "default")["workspace"] == "default"
        assert time_of(ask(other_key, workspace)) > time_of(first)


def test_who_does_not_accept_an_older_one_gets_an_answer_of_his_own(
    ask: Ask, stack: StackInfo, workspace: str
) -> None:
    for _ in range(10):
        shared = ask(stack.agent_key, workspace)
        assert time_of(ask(stack.agent_key, workspace, own=True)) > time_of(shared)


def test_a_refusal_is_not_kept(ask: Ask, stack: StackInfo, rpc: Rpc) -> None:
    for _ in range(3):  # a second may end between
        name = f"made-{uuid4().hex[:8]}"
        with pytest.raises(httpx.HTTPStatusError):
            ask(stack.agent_key, name)
        assert rpc("init_workspace", key=stack.service_key, workspace_name=name)[0] < 300
        assert ask(stack.agent_key, name)["workspace"] == name


def test_after_an_action_the_page_asks_for_an_answer_of_its_own(
    state: SharedState, page: Page
) -> None:
    state.log_conflict("high", "power_agent", "system_architect", "Too heavy")
    item = page.locator(".group li").filter(has_text="Too heavy")
    item.get_by_role("button", name="Resolve").click()
    dialog = page.get_by_role("dialog")
    for name in ("by", "resolution"):
        dialog.locator(f"[name={name}]").fill("Kim")
    with page.expect_request(is_own):
        dialog.get_by_role("button", name="Resolve").click()
    expect(item).to_have_count(0)


def is_own(request: Request) -> bool:
    is_board = "/rpc/get_board" in request.url
    return is_board and request.headers.get("cache-control") != "max-age=1"
