"""Following the activity log: what to ask next, and what comes out. Pure: no I/O, no clock."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

from sharedstate import types
from sharedstate.calls import activity as calls
from sharedstate.calls.arguments import seconds_of
from sharedstate.errors import InvalidArgument
from sharedstate.http.call import Call
from sharedstate.patience import pause_of

START = "0/0"


class Following:
    """How far a follower is: what was fetched but did not come out yet, and where to go on."""

    def __init__(
        self,
        filters: tuple[str | None, str | None, str | None],
        since_cursor: str | None,
        from_start: bool,
        poll_seconds: float | None,
        timeout: float | None,
    ) -> None:
        if since_cursor is not None and from_start:
            raise InvalidArgument.of(
                "from_start", "cannot go with since_cursor", hint="Give one of them, or none."
            )
        self._poll_s = (
            None if poll_seconds is None else seconds_of(poll_seconds, "poll_seconds", 0.01)
        )
        # Until there is an answer, as after one while entries come.
        self._retry_ms = 100
        self._timeout_s = None if timeout is None else seconds_of(timeout, "timeout")
        self._filters = filters
        self._fetched: deque[types.ActivityRow] = deque()
        self._fetched_to = START if from_start else since_cursor
        self.cursor = self._fetched_to
        self.has_begun = False

    def ask(self, until: float = math.inf) -> Call[types.ActivityPage]:
        """The call for what comes next, in a wait that ends at `until`: see `Call`."""
        return replace(calls.read_activity(self._fetched_to, *self._filters), until=until)

    def note(self, page: types.ActivityPage) -> bool:
        """Take an answer in; whether there is something to go on with at once."""
        self.has_begun = True
        self._fetched.extend(page["entries"])
        self._fetched_to = page["cursor"]
        self._retry_ms = page["retry_ms"]
        if not self._fetched:
            self.cursor = self._fetched_to  # past entries that are not wanted
        return bool(self._fetched) or page["more"]

    def take(self) -> types.ActivityRow | None:
        """The next entry that was fetched."""
        if not self._fetched:
            return None
        entry = self._fetched.popleft()
        behind = f"{entry['transaction_id']}/{entry['id']}"
        # The search for the last one may have gone on past entries that are not wanted.
        self.cursor = behind if self._fetched else self._fetched_to
        return entry

    def until(self, began: float) -> float:
        """When a wait for an entry ends that began at `began`; who does not wait has no end."""
        return began + self._timeout_s if self._timeout_s else math.inf

    def pause(self, idle_s: float) -> float | None:
        """Seconds until the next call after `idle_s` without an entry; None to end."""
        pause_s = pause_of(self._retry_ms) if self._poll_s is None else self._poll_s
        if self._timeout_s is None:
            return pause_s
        left = self._timeout_s - idle_s
        return min(pause_s, left) if left > 0 else None
