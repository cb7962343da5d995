"""Several PostgREST behind one gateway: all of them serve, and the death of one loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.awaiting import await_answer

from instances import Instances, instances
from sharedstate import SharedState
from sharedstate_ops.stack import Stack, StackInfo

AGENTS = 6
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


class Load:
    """Agents that write without a pause, and what was acknowledged to them."""

    def __init__(self, url: str, info: StackInfo) -> None:
        self._url, self._key = url, info.agent_key
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self.acknowledged: list[str] = []
        self._threads = ThreadPoolExecutor(AGENTS)
        self._agents = [self._threads.submit(self._work, number) for number in range(AGENTS)]

    def await_more(self, calls: int) -> None:
        """Until so many more have been acknowledged, or an agent has failed."""
        with self._changed:
            wanted = len(self.acknowledged) + calls
            assert self._changed.wait_for(lambda: self._failed() or self._done() >= wanted, 120)
        assert not self._failed()

    def finish(self) -> None:
        """Stop the agents; raises what went wrong with one of them."""
        self._stop.set()
        for agent in self._agents:
            agent.result(60)
        self._threads.shutdown()

    def _done(self) -> int:
        return len(self.acknowledged)

    def _failed(self) -> bool:
        return any(agent.done() for agent in self._agents)

    def _work(self, agent: int) -> None:
        with SharedState(f"agent-{agent}", url=self._url, key=self._key) as state:
            number = 0
            while not self._stop.is_set():
                number += 1
                name = f"{agent}-{number}"
                state.log_agent_activity(f"agent-{agent}", "work", {"name": name})
                with self._changed:
                    self.acknowledged.append(name)
                    self._changed.notify_all()


def _logged(running: Stack) -> list[str]:
    with running.database() as connection:
        rows = connection.execute(
            "select details ->> 'name' from agent_activity_logs where activity = 'work'"
        )
        return [str(name) for (name,) in rows]


def test_nothing_that_was_acknowledged_is_lost_or_done_twice_when_instances_die_under_load(
    running: Stack, two: Instances
) -> None:
    load = Load(two.url, running.info)
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
    logged = _logged(running)
    assert len(logged) == len(set(logged))
    # Nobody gave up: what was not acknowledged at once was repeated, and is there once.
    assert set(load.acknowledged) == set(logged)


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
