"""Places in line that outlive the call that took them.

An agent waits in calls of 45 s at most, and a model needs some seconds between two of them. So its
place is kept by a task of the server: the client's own wait. Nobody renews for an agent that is
gone: the task ends KEPT_S after the last call that asked, and what was granted meanwhile lasts no
longer either.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sharedstate import AsyncSharedState
    from sharedstate.types import Lease

# The longest wait in one call: Claude Code gives up a call whose answer takes a minute.
MOST_WAIT_S = 45
KEPT_S = 30
_LONGEST_S = 3600


class Waiting:
    """One place in line for a resource, or what was granted to it."""

    def __init__(self, state: AsyncSharedState, resource: tuple[str, str], agent: str) -> None:
        wait = state.acquire_lock(*resource, agent, ttl_seconds=KEPT_S, wait_seconds=_LONGEST_S)
        self._task = asyncio.get_running_loop().create_task(wait)
        self._end: asyncio.TimerHandle | None = None
        self._asking = 0  # calls of one execution may overlap

    @property
    def has_ended(self) -> bool:
        """Whether the wait is over: granted, refused or given up."""
        return self._task.done()

    @property
    def was_given_up(self) -> bool:
        """Whether it ended because nobody asked any more."""
        return self._task.cancelled()

    async def granted(self, wait_s: float) -> Lease | None:
        """The lease, or None when it is not granted within `wait_s`: the place is kept for a while.

        Raises Deadlock, and what acquire_lock raises.
        """
        self._stop_timer()
        self._asking += 1
        try:
            await asyncio.wait({self._task}, timeout=wait_s)
            return self._task.result() if self.has_ended and not self.was_given_up else None
        finally:
            self._asking -= 1
            if not self._asking:
                self._end = asyncio.get_running_loop().call_later(KEPT_S, self._task.cancel)

    async def leave(self) -> bool:
        """Give up the place; False when there was none any more. What was granted stays."""
        is_in_line = not self.has_ended
        self.stop()
        await asyncio.wait({self._task})
        return is_in_line

    def stop(self) -> None:
        """Ask no more; the database passes over a silent waiter within seconds."""
        self._stop_timer()
        self._task.cancel()

    def _stop_timer(self) -> None:
        if self._end is not None:
            self._end.cancel()
