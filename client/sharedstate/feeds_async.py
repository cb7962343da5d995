"""MADE FROM feeds.py by scripts/build_async.py: change that file, run the script."""

from __future__ import annotations

import math
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sharedstate import types
from sharedstate.errors import ServiceUnavailable, StatementTimeout
from sharedstate.following import Following

if TYPE_CHECKING:
    from sharedstate.methods_async.activity import AsyncActivityMethods


class AsyncActivityFeed:
    """Entries of the activity log, in the order of their transactions. See `follow_activity`.

    An iterator for one task. After a timeout it can be iterated again, and goes on.
    """

    def __init__(self, state: AsyncActivityMethods, following: Following) -> None:
        self._state = state
        self._following = following
        self._closed = False

    @property
    def cursor(self) -> str | None:
        """Where another feed goes on after the entry that came out last; None before it began."""
        return self._following.cursor

    def close(self) -> None:
        """End it: the iteration stops at its next step, from whichever task this is called."""
        self._closed = True

    async def __aenter__(self) -> Self:
        """Begin here: what is written from now on will come out."""
        if self.cursor is None:
            await self._fetch()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> types.ActivityRow:
        began = time.monotonic()
        until = self._following.until(began)
        while not self._closed:
            entry = self._following.take()
            if entry is not None:
                return entry
            if await self._fetch(until):
                continue
            pause = self._following.pause(time.monotonic() - began)
            if pause is None:
                break
            await self._state._pause(pause)
        raise StopAsyncIteration

    async def _fetch(self, until: float = math.inf) -> bool:
        """Ask once; whether there is something to go on with at once."""
        try:
            return self._following.note(await self._state._run(self._following.ask(until)))
        except (ServiceUnavailable, StatementTimeout):
            # Before the first answer the address may be wrong. Afterwards nothing is lost by an
            # outage: the next answer begins where the last one ended.
            if not self._following.has_begun:
                raise
            return False
