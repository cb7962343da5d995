"""The client's own clock. It goes on while the machine sleeps, as the times of leases do."""

from __future__ import annotations

import time

# Linux has a clock that counts sleep. Elsewhere time.monotonic has to do.
_SLEEP_COUNTS = getattr(time, "CLOCK_BOOTTIME", None)


def now() -> float:
    """Seconds since some moment; no setting of the machine's clock changes it."""
    return time.monotonic() if _SLEEP_COUNTS is None else time.clock_gettime(_SLEEP_COUNTS)
