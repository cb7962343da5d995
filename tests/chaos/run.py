"""A run: many client processes at work, a fault beside them, and what came of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psycopg
from tests.history.checker import NEVER, Operation, Verdict, check
from tests.history.models import FencedMutex, Register

from sharedstate_ops.stack import StackInfo

Row = dict[str, Any]
SIZE = 16
# By how much the database's clock and the clients' may differ; far less than a lease's second.
SLACK_SECONDS = 0.05
PATIENCE_SECONDS = 12.0
# How much must have been achieved for a run to prove anything, and how long that may take.
ENOUGH = 10
LIMIT_SECONDS = 90.0
Enough = Callable[["Outcome"], bool]


@dataclass
class Run:
    """Client processes that write their histories into files of `folder`."""

    stack: StackInfo
    workspace: str
    folder: Path
    port: int | None = None
    ttl_seconds: int = 1
    clients: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @contextmanager
    def at_work(self, enough: Enough = lambda _: True) -> Iterator[list[subprocess.Popen[bytes]]]:
        """The clients while they work; afterwards they have achieved enough, and all have ended.

        A slow machine takes longer, and proves as much.
        """
        outputs: list[IO[bytes]] = []
        output: IO[bytes]
        try:
            for number in range(SIZE):
                output = (self.folder / f"{number}.jsonl").open("wb")
                outputs.append(output)
                self.clients.append(self._start(number, output))
            yield self.clients
            self._await(enough)
            self.stop.touch()
            self._wait()
        finally:
            for client in self.clients:
                client.kill()
                client.wait()
            for output in outputs:
                output.close()

    def _start(self, number: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
        settings = {
            "host": "127.0.0.1",
            "port": self.port or int(self.stack.url.rsplit(":", 1)[1]),
            "key": self.stack.agent_key,
            "workspace": self.workspace,
            "name": f"client-{number}",
            "ttl": self.ttl_seconds,
            "patience": PATIENCE_SECONDS,
            "seed": number,
            "stop": str(self.stop),
        }
        program = Path(__file__).with_name("client.py")
        return subprocess.Popen([sys.executable, str(program), json.dumps(settings)], stdout=output)

    @property
    def stop(self) -> Path:
        """The file that ends the work."""
        return self.folder / "stop"

    def _await(self, enough: Enough) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while not (
            (outcome := self.outcome()).many("write", True) > ENOUGH
            and outcome.many("compare_and_set", True) > ENOUGH
            and enough(outcome)
        ):
            assert time.monotonic() < deadline, (
                f"too little in {LIMIT_SECONDS} s: {outcome.score()}"
            )
            time.sleep(0.1)

    def outcome(self) -> Outcome:
        """What came of it so far."""
        return Outcome(self.records(), self.stack.database_url, self.workspace)

    def _wait(self) -> None:
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        for client in self.clients:
            assert client.wait(max(0.1, deadline - time.monotonic())) == 0

    def records(self) -> list[Row]:
        """What the clients have written down; a line that is being written is left out."""
        return [
            json.loads(line)
            for number in range(SIZE)
            for line in (self.folder / f"{number}.jsonl").read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]


def operation(record: Row) -> Operation:
    def frozen(value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    return Operation(
        record["kind"],
        record["called"],
        NEVER if record["returned"] is None else record["returned"],
        frozen(record["answer"]),
        tuple(frozen(one) for one in record["arguments"]),
        record["process"],
    )


@dataclass
class Outcome:
    """What the clients saw, and what is in the database now."""

    records: list[Row]
    database_url: str
    workspace: str

    def history(self, resource: str) -> list[Operation]:
        return [operation(one) for one in self.records if one["resource"] == resource]

    def verdict_on_lock(self, resource: str) -> Verdict:
        return check(self.history(resource), FencedMutex(slack=SLACK_SECONDS))

    def verdict_on_register(self, resource: str) -> Verdict:
        history = self.history(resource)
        return check(history, Register(initial=(1, 0)))

    def many(self, kind: str, answer: bool | None, resource: str | None = None) -> int:
        """How many operations of a kind had this answer; None: an unknown one."""
        return sum(
            one["kind"] == kind
            and one["answer"] is answer
            and (resource is None or one["resource"] == resource)
            for one in self.records
        )

    def score(self) -> dict[str, int]:
        """How many operations there were by kind and answer, for a message."""
        return Counter(
            f"{one['kind']} {one['answer']}"
            for one in self.records
            if one["answer"] is None or isinstance(one["answer"], bool)
        )

    def count(self, resource: str) -> int:
        rows = self.rows(
            "select coalesce((metadata ->> 'count')::int, 0) from subsystems "
            "where workspace = %s and name = %s",
            resource,
        )
        return int(rows[0][0])

    def tokens(self, resource: str) -> list[int]:
        """As they were granted, in order."""
        rows = self.rows(
            "select fencing_token from audit.grants where workspace = %s and resource_name = %s "
            "order by grant_id",
            resource,
        )
        return [token for (token,) in rows]

    def overtaken(self) -> list[tuple[Any, ...]]:
        """Grants that passed over somebody who waited."""
        return self.rows(
            "select resource_name, fencing_token, overtaken from audit.grants "
            "where workspace = %s and overtaken is not null"
        )

    def grants_in_a_crowd(self) -> int:
        """How many grants were made while others surely waited."""
        rows = self.rows("select count(*) from audit.grants where workspace = %s and queued > 0")
        return int(rows[0][0])

    def rows(self, query: str, *more: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query.encode(), [self.workspace, *more]).fetchall()
