"""Clients that wait for locks over REST: they get in line, ask, confirm and give up."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from tests.sql.support import Api, Row

Resource = tuple[str, str]
SKELETON: Resource = ("subsystem", "skeleton")
POWER: Resource = ("subsystem", "power")
SHELL: Resource = ("subsystem", "shell")
PATIENCE_SECONDS = 20.0


def named(resource: Resource) -> Row:
    return {"resource_type": resource[0], "resource_name": resource[1]}


@dataclass
class Client:
    """One request for one or several locks, by an execution that is named like its agent."""

    api: Api
    name: str
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    key: str | None = None

    def again(self) -> Client:
        """The same execution with a new request."""
        return Client(self.api, self.name, key=self.key)

    def ask(self, *resources: Resource, **more: Any) -> list[Row]:
        """Ask for all of them; the leases, or [] when it is in line now."""
        granted: list[Row] = self.api.do(self._function(resources), **self._all(resources, more))
        return granted

    def is_refused(self, slug: str, *resources: Resource, **more: Any) -> Row:
        """The detail of an acquire call that has to fail with this slug."""
        function = self._function(resources)
        return self.api.refused(function, slug, **self._all(resources, more))

    def holds(self, *resources: Resource, **more: Any) -> Client:
        """Takes what has to be free, and answers itself."""
        assert len(self.ask(*resources, wait_seconds=0, **more)) == len(resources)
        return self

    def waits(self, *resources: Resource, **more: Any) -> Client:
        """Gets in line for what has to be held, and answers itself."""
        assert self.ask(*resources, **more) == []
        return self

    def _function(self, resources: tuple[Resource, ...]) -> str:
        return "acquire_lock" if len(resources) == 1 else "acquire_locks"

    def _all(self, resources: tuple[Resource, ...], more: Row) -> Row:
        several = {"resources": [named(one) for one in resources]}
        return {
            **(named(resources[0]) if len(resources) == 1 else several),
            "key": self.key,
            "agent_name": self.name,
            "execution_id": self.name,
            "wait_seconds": 60,
            "request_id": self.request_id,
            **more,
        }

    def poll(self) -> Row:
        """How the request stands."""
        answer: Row = self.api.do("wait_for_lock", key=self.key, request_id=self.request_id)
        return answer

    def until(self, state: str) -> Row:
        """Polls until the request is in this state."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (answer := self.poll())["state"] != state:
            assert time.monotonic() < deadline, answer
            time.sleep(answer["retry_ms"] / 1000)
        return answer

    def cancel(self) -> bool:
        ended: bool = self.api.do("cancel_lock_request", key=self.key, request_id=self.request_id)
        return ended

    def confirm(self, lease: Row, ttl_seconds: int = 300) -> Row:
        renewed: Row = self.api.do("renew_lock", **self.of(lease), ttl_seconds=ttl_seconds)
        return renewed

    def release(self, resource: Resource = SKELETON) -> list[Row]:
        released: list[Row] = self.api.do("release_lock", **named(resource), execution_id=self.name)
        return released

    def of(self, lease: Row) -> Row:
        """The arguments that name a lease as one's own."""
        return {
            "resource_type": lease["resource_type"],
            "resource_name": lease["resource_name"],
            "execution_id": self.name,
            "fencing_token": lease["fencing_token"],
        }


Make = Callable[[str], Client]


def holder(api: Api, resource: Resource = SKELETON) -> str | None:
    """Who holds it now, without any waiter's asking."""
    status = api.do("get_lock_status", **named(resource))
    return status["holder"] and str(status["holder"]["locked_by"])


def queue(api: Api, resource: Resource = SKELETON) -> list[str]:
    """Who waits, in order."""
    status = api.do("get_lock_status", **named(resource))
    return [place["agent_name"] for place in status["queue"]]


def silence(client: Client, seconds: float = 5.1) -> None:
    """As if nothing had been heard of a waiter for so long, which has 5 s when it begins."""
    found = client.api.sql(
        "update core.lock_tickets set alive_until = alive_until - %s * interval '1 second' "
        "where request_id = %s returning true",
        seconds,
        client.request_id,
    )
    assert found == [(True,)]


@contextmanager
def polling(*clients: Client) -> Iterator[None]:
    """These waiters ask all the time, as live ones do, each in a thread of its own."""
    done = Event()

    def keep_asking(client: Client) -> None:
        while not done.is_set():
            status, answer = client.api.call("wait_for_lock", request_id=client.request_id)
            if status != 200 or answer["state"] != "waiting":
                return
            done.wait(answer["retry_ms"] / 1000)

    with ThreadPoolExecutor(len(clients)) as pool:
        asking = [pool.submit(keep_asking, client) for client in clients]
        try:
            yield
        finally:
            done.set()
    for future in asking:
        future.result()


def held_for(api: Api, seconds: float) -> None:
    """As if the locks of the workspace had been held for so long."""
    api.sql(
        "update agent_locks set locked_at = clock_timestamp() - %s * interval '1 second' "
        "where workspace = %s",
        seconds,
        api.workspace,
    )


def lifetime(api: Api, lease: Row) -> float:
    ((seconds,),) = api.sql(
        "select extract(epoch from %s::timestamptz - %s::timestamptz)",
        lease["expires_at"],
        lease["locked_at"],
    )
    return float(seconds)
