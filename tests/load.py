"""Agents that write without a pause, and the audit of what is left of their writes."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from sharedstate import SharedState
from sharedstate_ops.stack.connections import Connection

AGENTS = 6


class Load:
    """Agents that write, each as fast as it is answered; what was acknowledged to them."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self.activity = f"work-{uuid.uuid4().hex[:12]}"
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._acknowledged: list[str] = []
        self._threads = ThreadPoolExecutor(AGENTS)
        self._agents = [self._threads.submit(self._work, number) for number in range(AGENTS)]

    def await_more(self, calls: int) -> None:
        """Until so many more have been acknowledged; raises what went wrong with an agent."""
        with self._changed:
            wanted = len(self._acknowledged) + calls
            assert self._changed.wait_for(lambda: self._failed() or self._done() >= wanted, 120)
        for agent in self._agents:
            if agent.done():
                agent.result()

    def finish(self) -> None:
        """Stop the agents; raises what went wrong with one of them."""
        self._stop.set()
        for agent in self._agents:
            agent.result(60)
        self._threads.shutdown()

    def audit(self, connection: Connection) -> None:
        """All that was acknowledged is there once, and nothing else is."""
        rows = connection.execute(
            "select details ->> 'name' from agent_activity_logs where activity = %s",
            [self.activity],
        )
        found = [str(name) for (name,) in rows]
        lost = set(self._acknowledged) - set(found)
        twice = set(Counter(found) - Counter(set(found)))
        unknown = set(found) - set(self._acknowledged)
        assert not (lost or twice or unknown), f"lost {lost}, twice {twice}, unknown {unknown}"
        assert found

    def _done(self) -> int:
        return len(self._acknowledged)

    def _failed(self) -> bool:
        return any(agent.done() for agent in self._agents)

    def _work(self, agent: int) -> None:
        with SharedState(f"agent-{agent}", url=self._url, key=self._key) as state:
            number = 0
            while not self._stop.is_set():
                number += 1
                name = f"{agent}-{number}"
                state.log_agent_activity(f"agent-{agent}", self.activity, {"name": name})
                with self._changed:
                    self._acknowledged.append(name)
                    self._changed.notify_all()
