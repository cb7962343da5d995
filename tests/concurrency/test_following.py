"""Followers of the activity log while transactions commit in any order, and over restarts."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.conftest import migrations_folder
from tests.stack.installation import two_free_ports

from sharedstate import AsyncSharedState, SharedState
from sharedstate_ops.stack import Stack, StackInfo, processes

WRITERS = 6
END = "the end"


def write(connection: psycopg.Connection[Any], workspace: str, agent: str, activity: str) -> None:
    connection.execute(
        "select core.write_activity(%s, %s, %s, '{}', 'run-1')", [workspace, agent, activity]
    )


def write_in_any_order(stack: StackInfo, workspace: str, seed: int, rounds: int) -> list[str]:
    """Keeps up to four transactions open and ends them in any order; what was committed."""
    dice = random.Random(seed)
    written: list[str] = []
    open_ones = [psycopg.connect(stack.database_url) for _ in range(4)]
    pending: list[list[str]] = [[] for _ in open_ones]
    for number in range(rounds):
        chosen = dice.randrange(len(open_ones))
        connection = open_ones[chosen]
        for part in range(dice.randint(1, 3)):
            activity = f"{seed}.{number}.{part}"
            write(connection, workspace, f"writer-{seed}", activity)
            pending[chosen].append(activity)
        if dice.random() < 0.5:
            if dice.random() < 0.2:
                connection.rollback()
            else:
                connection.commit()
                written += pending[chosen]
            pending[chosen] = []
    for connection, rest in zip(open_ones, pending, strict=True):
        connection.commit()
        connection.close()
        written += rest
    return written


def followed(state: SharedState, **options: Any) -> list[str]:
    """The activities up to the end, from the start of the log."""
    found: list[str] = []
    feed = state.follow_activity(from_start=True, poll_seconds=0.01, **options)
    for entry in feed:
        found.append(entry["activity"])
        if entry["activity"] == END:
            break
    return found


def followed_in_pieces(state: SharedState) -> list[str]:
    """The same by a new feed for every few entries, each from the cursor of the last."""
    found: list[str] = []
    cursor: str | None = "0/0"
    while END not in found:
        with state.follow_activity(since_cursor=cursor, poll_seconds=0.01) as feed:
            for entry, _ in zip(feed, range(7), strict=False):
                found.append(entry["activity"])
                cursor = feed.cursor
                if entry["activity"] == END:
                    break
    return found


def followed_async(stack: StackInfo, workspace: str) -> list[str]:
    async def run() -> list[str]:
        found: list[str] = []
        async with AsyncSharedState(
            workspace=workspace, url=stack.url, key=stack.agent_key
        ) as state:
            async for entry in state.follow_activity(from_start=True, poll_seconds=0.01):
                found.append(entry["activity"])
                if entry["activity"] == END:
                    break
        return found

    return asyncio.run(run())


def test_followers_miss_and_repeat_nothing_whatever_commits_in_which_order(
    stack: StackInfo, workspace: str, state: SharedState, effort: int
) -> None:
    ask: list[Callable[[], list[str]]] = [
        lambda: followed(state),
        lambda: followed_in_pieces(state),
        lambda: followed_async(stack, workspace),
        lambda: followed(state, execution_id="run-1"),
    ]
    with ThreadPoolExecutor(WRITERS + len(ask)) as pool:
        followers = [pool.submit(one) for one in ask]
        writers = [
            pool.submit(write_in_any_order, stack, workspace, seed, 60 * effort)
            for seed in range(WRITERS)
        ]
        written = [activity for writer in writers for activity in writer.result()]
        with psycopg.connect(stack.database_url) as connection:
            write(connection, workspace, "writer", END)
        found = [one.result(timeout=120) for one in followers]
    for each in found:
        each[:] = [activity for activity in each if activity != "workspace_initialized"]
        assert sorted(each) == sorted([*written, END])
    # All see the same order, which is also that of each transaction's own entries.
    assert found[0] == found[1] == found[2] == found[3]


def test_a_follower_of_one_agent_gets_that_agents_entries_alone(
    stack: StackInfo, workspace: str, state: SharedState
) -> None:
    with ThreadPoolExecutor(3) as pool:
        written = [pool.submit(write_in_any_order, stack, workspace, seed, 40) for seed in range(3)]
        expected = sorted(written[1].result())
        wait_for = [one.result() for one in written]
    assert len(wait_for) == 3
    with psycopg.connect(stack.database_url) as connection:
        write(connection, workspace, "writer-1", END)
    assert sorted(followed(state, agent_name="writer-1")) == sorted([*expected, END])


# Restarts

SECONDS = 120


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack that this test may stop and kill."""
    # Of its own choice they would be others after a restart.
    db_port, api_port = two_free_ports()
    made = Stack(
        tmp_path,
        db_port=db_port,
        api_port=api_port,
        migrations_folder=migrations_folder(),
    )
    made.up()
    try:
        yield made
    finally:
        made.down()


def kill_postgres(stack: Stack, root: Path) -> None:
    process = Stack(root).living()["postgres"]
    process.kill()
    assert processes.wait_gone(process, 10)


def collect(state: SharedState, found: list[str], heard: threading.Condition) -> None:
    with state.follow_activity(poll_seconds=0.02, timeout=SECONDS) as feed:
        with heard:
            found.append("begun")
            heard.notify_all()
        for entry in feed:
            with heard:
                found.append(entry["activity"])
                heard.notify_all()
            if entry["activity"] == END:
                return


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_a_follower_goes_on_after_a_restart_of_the_stack(
    own_stack: Stack, tmp_path: Path, killed: bool
) -> None:
    info = own_stack.info
    found: list[str] = []
    heard = threading.Condition()

    def wait_for(activity: str) -> None:
        with heard:
            assert heard.wait_for(lambda: activity in found or ended.done(), SECONDS)
        if activity not in found:
            ended.result()

    with (
        SharedState("reader", url=info.url, key=info.agent_key) as reader,
        ThreadPoolExecutor(1) as pool,
    ):
        ended: Future[None] = pool.submit(collect, reader, found, heard)
        wait_for("begun")
        expected = ["begun"]
        for step in range(3):
            with (
                SharedState("writer", url=info.url, key=info.agent_key) as writer,
                contextlib.closing(psycopg.connect(info.database_url)) as lost,
            ):
                for number in range(5):
                    writer.log_agent_activity("writer", f"{step}.{number}")
                    expected.append(f"{step}.{number}")
                wait_for(expected[-1])
                # Open when the server goes down: it uses up numbers and leaves nothing.
                write(lost, "default", "writer", "lost")
                writer.log_agent_activity("writer", f"{step}.held back")
                expected.append(f"{step}.held back")
                if killed:
                    kill_postgres(own_stack, tmp_path)
                else:
                    own_stack.down()
            own_stack.up()
            wait_for(expected[-1])
        with SharedState("writer", url=info.url, key=info.agent_key) as writer:
            writer.log_agent_activity("writer", END)
        ended.result(timeout=SECONDS)
    assert found == [*expected, END]
