"""What a fresh process waits for: the import, and the first answer."""

from __future__ import annotations

import os
import subprocess
import sys

from sharedstate_ops.stack import StackInfo

RUNS = 5
SCRIPT = """
import time
began = time.perf_counter()
import sharedstate
imported = time.perf_counter()
with sharedstate.SharedState() as state:
    state.health()
print(imported - began, time.perf_counter() - began)
"""


def measure(info: StackInfo) -> dict[str, float]:
    """Seconds by what they were spent on: the fastest of some processes."""
    environment = {**os.environ, "SUPABASE_URL": info.url, "SUPABASE_KEY": info.agent_key}
    runs = [
        subprocess.check_output([sys.executable, "-c", SCRIPT], env=environment, text=True).split()
        for _ in range(RUNS)
    ]
    return {
        "import sharedstate": min(float(imported) for imported, _ in runs),
        "from the import to the first answer": min(float(answered) for _, answered in runs),
    }
