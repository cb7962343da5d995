"""The activity log as an iterator. feeds_async.py is made from this file."""

from __future__ import annotations

import math
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sharedstate import types
from sharedstate.errors import ServiceUnavailable, StatementTimeout
from sharedstate.following import Following

if TYPE_CHECKING:
    from sharedstate.methods.activity import ActivityMethods


class ActivityFeed:
    """Entries of the activity log, in the order of their transactions. See `follow_activity`.

    An iterator for one thread. After a timeout it can be iterated again, and goes on.
    """

    def __init__(self, state: ActivityMethods, following: Following) -> None:
        self._state = state
        self._following = following
        self._closed = False

    @property
    def cursor(self) -> str | None:
        """Where another feed goes on after the entry that came out last; None before it began."""
        return self._following.cursor

    def close(self) -> None:
        """End it: the iteration stops at its next step, from whichever thread this is called."""
        self._closed = True

    def __enter__(self) -> Self:
        """Begin here: what is written from now on will come out."""
        if self.cursor is None:
            self._fetch()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed = True

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> types.ActivityRow:
        began = time.monotonic()
        until = self._following.until(began)
        while not self._closed:
            entry = self._following.take()
            if entry is not None:
                return entry
            if self._fetch(until):
                continue
            pause = self._following.pause(time.monotonic() - began)
            if pause is None:
                break
            self._state._pause(pause)
        raise StopIteration

    def _fetch(self, until: float = math.inf) -> bool:
        """Ask once; whether there is something to go on with at once."""
        try:
            return self._following.note(self._state._run(self._following.ask(until)))
        except (ServiceUnavailable, StatementTimeout):
            # Before the first answer the address may be wrong. Afterwards nothing is lost by an
            # outage: the next answer begins where the last one ended.
            if not self._following.has_begun:
                raise
            return False
