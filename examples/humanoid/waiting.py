"""Waiting for a state of the database, never for time to pass."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.25
GROWTH = 1.5


class WaitedTooLong(TimeoutError):
    """The state did not come within the patience that was given."""


def wait_until(look: Callable[[], T | None], *, patience_s: float, what: str) -> T:
    """Looks until `look` gives something, and returns that.

    Pauses grow, so that a long wait costs little, and are spread at random, so that agents who
    began to wait together do not keep asking together. Raises WaitedTooLong.
    """
    give_up_at = time.monotonic() + patience_s
    pause_s = FIRST_PAUSE_S
    while (found := look()) is None:
        if time.monotonic() >= give_up_at:
            raise WaitedTooLong(f"waited {patience_s:g} s for {what}")
        time.sleep(pause_s * random.uniform(0.5, 1.0))
        pause_s = min(pause_s * GROWTH, LONGEST_PAUSE_S)
    return found
