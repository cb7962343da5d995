"""How long a blocked agent goes on asking, and when. Pure but for the clock and the dice."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

from sharedstate.calls.arguments import seconds_of

# The longest that the database lets one call wait.
MAX_PARK_MS = 500
_HINT = "Pass seconds of at least 0, or None to wait for ever."


class Patience:
    """A time to wait for something: `timeout` seconds, None for ever.

    InvalidArgument when it is no number of at least 0. `until` is when its calls have to end, see
    `Call`.
    """

    def __init__(self, timeout: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        wait_s = math.inf if timeout is None else seconds_of(timeout, "timeout", hint=_HINT)
        self._ends = clock() + wait_s
        # Who does not wait asks as any call does.
        self.until = self._ends if wait_s else math.inf

    def park_ms(self) -> int:
        """How long the next call may wait by itself, in ms."""
        return max(0, min(MAX_PARK_MS, int(min(self._left_s(), 1.0) * 1000)))

    def pause_s(self, retry_ms: int) -> float | None:
        """Seconds until the next call, after an answer that asks for `retry_ms`; None to give up.

        Random below that, so that those who wait do not ask all at once. The last pause ends with
        the time, and one more look follows it.
        """
        left_s = self._left_s()
        if left_s <= 0:
            return None
        return min(retry_ms / 1000 * random.uniform(0.7, 1.0), left_s)

    def _left_s(self) -> float:
        return self._ends - self._clock()
