"""The database's clock, as far as this process knows it: leases end by that one alone."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """How far the database's clock is ahead of ours; 0 until a server time was noted."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def note(self, server_time: str) -> None:
        """Learn from an answer that has just come."""
        self._ahead_s = datetime.fromisoformat(server_time).timestamp() - time.time()

    def seconds_until(self, moment: str) -> int:
        """Whole seconds from now; 0 for what is past."""
        left_s = datetime.fromisoformat(moment).timestamp() - time.time() - self._ahead_s
        return max(0, round(left_s))

    def described(self, moment: str) -> str:
        """`14:03:22 UTC (in 212 s)`."""
        at = datetime.fromisoformat(moment).astimezone(UTC)
        return f"{at:%H:%M:%S} UTC (in {self.seconds_until(moment)} s)"
