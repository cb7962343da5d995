"""Await a state of something that does not tell when it changes."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE_SECONDS = 0.01


def await_answer(look: Callable[[], object], wanted: object, seconds: float = 60.0) -> None:
    """Look until the answer is the wanted one, at least once more when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        is_last = time.monotonic() >= deadline
        answer = look()
        if answer == wanted:
            return
        assert not is_last, f"after {seconds:g} s it is {answer!r}, not {wanted!r}"
        time.sleep(PAUSE_SECONDS)
