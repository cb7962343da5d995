"""When to try a call again. Pure: no clock, no sleep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with jitter.

    The pause before attempt n+1 is random between the half and the whole of
    `base_s * factor ** (n - 1)`, or of `cap_s` when that is less. No attempt starts later than
    `deadline_s` seconds after the first. By default the pauses make 4.5 to 9 s, in which PostgREST
    or Postgres is restarted.
    """

    attempts: int = 6
    base_s: float = 0.1
    factor: float = 3.0
    cap_s: float = 5.0
    deadline_s: float = 30.0

    def pause(self, failed: int, elapsed_s: float, jitter: float) -> float | None:
        """Seconds to wait after `failed` attempts (jitter in 0..1), None to give up."""
        if failed >= self.attempts:
            return None
        try:
            whole = min(self.cap_s, self.base_s * self.factor ** (failed - 1))
        except OverflowError:
            whole = self.cap_s if self.base_s else 0.0
        # At least half: otherwise all pauses could be short, and chance would decide whether an
        # outage of some seconds is survived.
        pause = (0.5 + 0.5 * jitter) * whole
        return pause if elapsed_s + pause < self.deadline_s else None
