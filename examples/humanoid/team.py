"""The seven agents as processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import psutil

from humanoid.flow import ARCHITECT, READS, agent_of

EXAMPLES = Path(__file__).resolve().parent.parent
GRACE_S = 3.0  # to give back locks after being asked to end
LAST_LINES = 5


class Team:
    """Starts all agents together; on leaving the `with`, none of them is left running."""

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self.processes: dict[str, psutil.Popen] = {}
        self.outputs: dict[str, IO[bytes]] = {}

    def __enter__(self) -> Team:
        environment = {**os.environ, "PYTHONPATH": _python_path()}
        for subsystem in (ARCHITECT, *READS):
            output = tempfile.TemporaryFile()
            command = [sys.executable, "-m", f"humanoid.agents.{subsystem}"]
            self.outputs[subsystem] = output
            self.processes[subsystem] = psutil.Popen(
                [*command, "--patience", str(self.patience_s)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A group of its own: Ctrl-C reaches us alone, and we end the agents by pid.
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        running = [process for process in self.processes.values() if process.poll() is None]
        for process in running:
            process.terminate()
        stubborn = psutil.wait_procs(running, timeout=GRACE_S)[1]
        for survivor in stubborn:
            survivor.kill()
        psutil.wait_procs(stubborn, timeout=GRACE_S)
        for output in self.outputs.values():
            output.close()

    def has_ended(self) -> bool:
        """Whether none of them runs any more."""
        return all(process.poll() is not None for process in self.processes.values())

    def failure(self) -> str | None:
        """Who ended without a verdict, how, and what it said last; None while all is well."""
        for subsystem, process in self.processes.items():
            code = process.poll()
            if code:
                how = f"exit code {code}" if code > 0 else signal.Signals(-code).name
                said = "".join(f"\n  | {line}" for line in self._last_lines(subsystem))
                return f"{agent_of(subsystem)} (pid {process.pid}) ended with {how}{said}"
        return None

    def _last_lines(self, subsystem: str) -> list[str]:
        output = self.outputs[subsystem]
        output.seek(0)
        text = output.read().decode(errors="replace").strip()
        return text.splitlines()[-LAST_LINES:]


def _python_path() -> str:
    inherited = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(EXAMPLES), *([inherited] if inherited else [])])
