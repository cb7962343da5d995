"""A demo under way whose design stays open for as long as a test wants."""

from __future__ import annotations

import signal
import subprocess
from types import TracebackType

from tests.stack.installation import Installation

from sharedstate import SharedState
from sharedstate_ops.stack import Stack

SAID = "designing in workspace "


class HeldDesign:
    """A person's conflict that keeps a design from being completed until it is let go."""

    def __init__(self, installation: Installation, workspace: str) -> None:
        info = Stack(installation.root).info
        self._url, self._key, self._workspace = info.url, info.agent_key, workspace
        with self._state() as state:
            self._number = state.log_conflict(
                severity="low", source="reviewer", target="system_architect", description="wait"
            )

    def let_go(self) -> None:
        with self._state() as state:
            state.resolve_conflict(self._number, "go on", "reviewer")

    def _state(self) -> SharedState:
        return SharedState(workspace=self._workspace, url=self._url, key=self._key)


class Demo:
    """`sharedstate demo`, so far that its stack runs. It does not end before it is told to."""

    def __init__(self, installation: Installation) -> None:
        self.process = installation.start("demo", stderr=subprocess.DEVNULL)
        self._installation = installation

    def await_design(self) -> Demo:
        """Until it designs, which it then does for as long as is wanted."""
        assert self.process.stdout is not None
        line = next(line for line in self.process.stdout if SAID in line)
        self.workspace = line.removeprefix(SAID).split()[0]
        self._held = HeldDesign(self._installation, self.workspace)
        return self

    def finish(self) -> int:
        """Let it come to its end: the exit code."""
        self._held.let_go()
        return self.wait()

    def wait(self) -> int:
        """The exit code, when it has ended by itself."""
        return self._end(patience=120)

    def interrupt(self, sent: signal.Signals = signal.SIGINT) -> int:
        """Interrupt it in the middle of its design: the exit code."""
        self.process.send_signal(sent)
        return self._end(patience=60)

    def _end(self, patience: float) -> int:
        assert self.process.stdout is not None
        self.process.stdout.read()
        return self.process.wait(timeout=patience)

    def __enter__(self) -> Demo:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # After a failure it would wait for ever for the end of the conflict.
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=60)
