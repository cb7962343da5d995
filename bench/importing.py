"""How long the import of a design with a long log takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sharedstate_ops.stack import StackInfo

LINES = 100_000
_DAYS = range(10, 20)


def write_logs(folder: Path, lines: int) -> None:
    """A design in the older file layout whose log has so many lines, over ten days."""
    logs = folder / "shared_state" / "logs"
    logs.mkdir(parents=True)
    entry = {"agent": "skeleton_agent", "activity": "step", "details": {"mass_kg": 12.25}}
    times = [f"{n // 60 % 60:02}:{n % 60:02}.{n:06}" for n in range(lines // len(_DAYS))]
    for day in _DAYS:
        rows = [json.dumps({"timestamp": f"2025-11-{day}T10:{at}"} | entry) for at in times]
        logs.joinpath(f"2025-11-{day}.jsonl").write_text("\n".join(rows))


def measure(info: StackInfo, lines: int = LINES) -> float:
    """The seconds of `sharedstate init --from` such a design, into a workspace of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write_logs(Path(folder), lines)
        command = ["-m", "sharedstate_ops", "init", "--workspace", "imported", "--from", folder]
        environment = {"DATABASE_URL": info.database_url, "SHAREDSTATE_HOME": folder}
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, *command],
            env={**os.environ, **environment},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - began
