"""Several PostgREST behind one gateway: all of them serve, and the death of one loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.awaiting import await_answer
from tests.load import AGENTS, Load

from instances import Instances, instances
from sharedstate import SharedState
from sharedstate_ops.stack import Stack

# Calls that are acknowledged before the first instance dies, between the events, and to the end.
ENOUGH = 150


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("scaled"))
    made.up()
    try:
        yield made
    finally:
        made.down()


@pytest.fixture
def two(running: Stack) -> Iterator[Instances]:
    with instances(running, 2) as made:
        yield made


def test_nothing_that_was_acknowledged_is_lost_or_done_twice_when_instances_die_under_load(
    running: Stack, two: Instances
) -> None:
    load = Load(two.url, running.info.agent_key)
    try:
        load.await_more(ENOUGH)
        # One to listen, and at least one that has served.
        assert [two.connections(number) >= 2 for number in (0, 1)] == [True, True]
        two.kill(0)
        load.await_more(ENOUGH)
        two.start(0)
        load.await_more(ENOUGH)
        assert two.connections(0) >= 2
        two.kill(1)
        load.await_more(ENOUGH)
    finally:
        load.finish()
    # Nobody gave up: what was not acknowledged at once was repeated, and is there once.
    with running.database() as connection:
        load.audit(connection)


def test_a_lock_excludes_agents_of_all_instances(running: Stack, two: Instances) -> None:
    info = running.info
    holders: list[int] = []
    at_once: list[int] = []

    def work(agent: int) -> None:
        with SharedState(f"agent-{agent}", url=two.url, key=info.agent_key) as state:
            for _ in range(10):
                with state.lock("subsystem", "shared", f"agent-{agent}"):
                    holders.append(agent)
                    at_once.append(len(holders))
                    holders.remove(agent)

    with ThreadPoolExecutor(AGENTS) as threads:
        for done in [threads.submit(work, agent) for agent in range(AGENTS)]:
            done.result(120)
    assert at_once == [1] * 10 * AGENTS


def test_a_change_of_the_schema_reaches_every_instance(running: Stack, two: Instances) -> None:
    import httpx

    with running.database() as connection:
        connection.execute(
            """create or replace function public.greeting() returns text language sql stable
               set search_path = '' as $$ select 'hello' $$"""
        )
        connection.execute("grant execute on function public.greeting() to anon")
        connection.execute("notify pgrst, 'reload schema'")
    with httpx.Client(trust_env=False) as client:
        for ports in two.ports:
            client.base_url = f"http://127.0.0.1:{ports.port}"
            await_answer(lambda: client.get("/rpc/greeting").status_code, 200)
