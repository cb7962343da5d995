"""What a fenced lock and a compare-and-set register promise, one operation after the other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.history.checker import NEVER, Operation


class Lock(NamedTuple):
    """A fenced lock at one moment, as far as the operations until then tell.

    `holder` is the token of the lease, 0 when there is none, UNKNOWN when it went to a call whose
    answer is not known. The lease lapses between `lapses_after` and `lapses_by` (seconds).
    """

    now: float = -NEVER
    last_token: int = 0
    holder: int = 0
    lapses_after: float = NEVER
    lapses_by: float = NEVER


UNKNOWN = -1
FREE = Lock()


@dataclass(frozen=True)
class FencedMutex:
    """Leases with tokens that grow.

    acquire(ttl) -> token, or None: held. renew(token, ttl), release(token) and write(token) ->
    True, or False: that lease has ended. free() is an operator's: it ends what lease there is.
    `slack` is by how many seconds the clocks of the database and of the history may differ.
    """

    slack: float = 0.0
    initial: Lock = FREE

    def step(self, state: Lock, operation: Operation) -> Iterator[Lock]:
        now = max(state.now, operation.called)
        if now > operation.returned:
            return
        steps: dict[str, Callable[[Lock, Operation], Iterator[Lock]]] = {
            "acquire": self._acquire,
            "renew": self._use,
            "release": self._use,
            "write": self._use,
            "free": self._free,
        }
        yield from steps[operation.kind](state._replace(now=now), operation)

    def _granted(self, state: Lock, operation: Operation, token: int, ttl: float) -> Lock:
        return state._replace(
            last_token=max(state.last_token + 1, token),
            holder=token,
            lapses_after=state.now + ttl - self.slack,
            lapses_by=operation.returned + ttl + self.slack,
        )

    def _acquire(self, state: Lock, operation: Operation) -> Iterator[Lock]:
        (ttl,) = operation.arguments
        token = UNKNOWN if operation.is_pending else operation.answer
        if token is None:
            if state.holder and state.now <= state.lapses_by:
                yield state
        elif operation.is_pending or token > state.last_token:
            for free in self._when_it_has_ended(state, operation):
                yield self._granted(free, operation, token, ttl)

    def _use(self, state: Lock, operation: Operation) -> Iterator[Lock]:
        """Renew, release or write with a token."""
        token = operation.arguments[0]
        if operation.is_pending or operation.answer:
            if state.holder == UNKNOWN and token >= state.last_token:
                state = state._replace(holder=token, last_token=token)
            if state.holder == token and state.now <= state.lapses_by:
                yield self._used(state, operation)
        elif state.holder != token:
            yield state
        else:
            yield from self._when_it_has_ended(state, operation)

    def _used(self, state: Lock, operation: Operation) -> Lock:
        if operation.kind == "renew":
            token, ttl = operation.arguments
            return self._granted(state, operation, token, ttl)._replace(last_token=state.last_token)
        return _ended(state) if operation.kind == "release" else state

    def _free(self, state: Lock, operation: Operation) -> Iterator[Lock]:
        yield _ended(state)

    def _when_it_has_ended(self, state: Lock, operation: Operation) -> Iterator[Lock]:
        """The state once the lease has lapsed, if this operation may be as late as that."""
        if not state.holder:
            yield state
        elif operation.returned >= state.lapses_after:
            yield _ended(state)._replace(now=max(state.now, state.lapses_after))


def _ended(state: Lock) -> Lock:
    return state._replace(holder=0, lapses_after=NEVER, lapses_by=NEVER)


@dataclass(frozen=True)
class Register:
    """read() -> value; compare_and_set(old, new) -> True, or False: it was not `old`."""

    initial: Hashable = 0

    def step(self, state: Hashable, operation: Operation) -> Iterator[Hashable]:
        if operation.kind == "read":
            if operation.is_pending or operation.answer == state:
                yield state
            return
        old, new = operation.arguments
        if (old == state) == (operation.is_pending or operation.answer):
            yield new if old == state else state


def op(kind: str, called: float, returned: float | None, answer: Any, *arguments: Any) -> Operation:
    """An operation as one writes it down: op("write", 1, 2, True, token)."""
    end = NEVER if returned is None else returned
    return Operation(kind, called, end, answer, arguments)
