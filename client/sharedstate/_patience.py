"""How long a waiter goes on asking, and when it asks again. Pure but for the clock and the dice."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

from sharedstate._arguments import seconds_of

_HINT = "Pass seconds of at least 0, or None to wait for ever."


def pause_of(retry_ms: int) -> float:
    """Seconds until the next question of a waiter that was told `retry_ms`.

    Not before, and up to a fifth later, by chance: those who wait must not ask all at once.
    """
    return retry_ms / 1000 * random.uniform(1.0, 1.2)


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

    def pause_s(self, retry_ms: int) -> float | None:
        """Seconds until the next call, after an answer that asks for `retry_ms`; None to give up.

        The last pause ends with the time, and one more look follows it.
        """
        left_s = self._ends - self._clock()
        return min(pause_of(retry_ms), left_s) if left_s > 0 else None
