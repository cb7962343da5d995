"""A crew of client processes, and how the tests give them jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.concurrency.worker import serve
from tests.forking import FORKING

from sharedstate_ops.stack import StackInfo

SIZE = 16
Call = tuple[str, dict[str, Any]]
Answer = tuple[int, Any]


class Worker:
    """One process; jobs are the methods of worker.py."""

    def __init__(self, stack: StackInfo, number: int) -> None:
        self.name = f"worker-{number}"
        self.unanswered = 0
        self._line, its_end = FORKING.Pipe()
        self.process = FORKING.Process(
            target=serve,
            args=(its_end, stack.url, stack.agent_key, stack.service_key, self.name),
            daemon=True,
        )
        self.process.start()
        its_end.close()

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self.process.pid is not None
        return self.process.pid

    def give(self, job: str, **arguments: Any) -> None:
        """Send a job without waiting for its answer."""
        self.unanswered += 1
        self._line.send({"job": job, **arguments})

    def answer(self) -> Any:
        """The answer to the oldest job that has none yet."""
        try:
            found = self._line.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            raise AssertionError(f"{self.name} ended: {self.process.exitcode}") from None
        self.unanswered -= 1
        return found

    def do(self, job: str, **arguments: Any) -> Any:
        self.give(job, **arguments)
        return self.answer()

    def call(self, workspace: str, name: str, **arguments: Any) -> Answer:
        """One RPC by this process."""
        ((status, answer),) = self.do("calls", workspace=workspace, calls=[(name, arguments)])
        return status, answer

    def close(self) -> None:
        self.process.kill()
        self.process.join()
        self._line.close()


class Crew:
    """Processes that start each job together."""

    def __init__(self, stack: StackInfo, size: int = SIZE) -> None:
        self._stack = stack
        self.workers = [Worker(stack, number) for number in range(size)]
        self.all("ping")

    def replace_busy(self) -> None:
        """Fresh processes for those that a failed test left in the middle of a job."""
        for number, worker in enumerate(self.workers):
            if worker.unanswered:
                worker.close()
                self.workers[number] = Worker(self._stack, number)
                self.workers[number].do("ping")

    def all(self, job: str, **arguments: Any) -> list[Any]:
        """The same job for everyone; the answers by worker."""
        return self.each([(job, arguments)] * len(self.workers))

    def each(self, jobs: Sequence[tuple[str, dict[str, Any]]]) -> list[Any]:
        """A job for each of the first workers, all under way at once."""
        busy = list(zip(self.workers, jobs, strict=False))
        for worker, (job, arguments) in busy:
            worker.give(job, **arguments)
        return [worker.answer() for worker, _ in busy]

    def race(self, workspace: str, calls: Sequence[Call]) -> list[Answer]:
        """One RPC by each of the first workers, all at once."""
        jobs = [("calls", {"workspace": workspace, "calls": [call]}) for call in calls]
        return [(status, answer) for ((status, answer),) in self.each(jobs)]

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
