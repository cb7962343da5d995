"""Where the servers of one home are, and as whom they run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from sharedstate_ops.stack import processes
from sharedstate_ops.stack.binaries import Binaries, locate
from sharedstate_ops.stack.errors import Progress, StackError
from sharedstate_ops.stack.keys import Keys, new_keys, read_keys, write_keys
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.users import RunAs, choose, name_of


@dataclass(frozen=True)
class Site:
    """Where and as whom the servers run."""

    home: Home
    binaries: Binaries
    run_as: RunAs
    keys: Keys

    def spawn(
        self,
        command: Sequence[str],
        ready: Callable[[], bool] | None = None,
        *,
        cwd: Path,
        log: str,
        env: dict[str, str] | None = None,
    ) -> psutil.Popen:
        """Start a server in a session of its own that outlives us, and wait until it is `ready`.

        `log` names its log, whose last lines are in the error when that fails.
        """
        _children[:] = [child for child in _children if child.poll() is None]
        with self.log(log).open("ab") as output:
            # Statements of clients are in it, with the data of their designs.
            os.fchmod(output.fileno(), 0o600)
            child = psutil.Popen(
                [*self.run_as.prefix, *command],
                cwd=cwd,
                env=processes.clean_environment() if env is None else env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _children.append(child)
        if ready:
            processes.wait_until(ready, process=child, what=log, log=self.log(log))
        return child

    def log(self, name: str) -> Path:
        return self.home.logs / f"{name}.log"


# Kept, so that none warns when it is collected; those that ended are reaped.
_children: list[psutil.Popen] = []


def make_folder(home: Home) -> None:
    """Make `.sharedstate/`, and refuse one that belongs to somebody else."""
    home.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = home.dir.stat().st_uid
    if owner != os.geteuid():
        raise StackError(
            f"{home.dir} belongs to the user {name_of(owner)}, and you are "
            f"{name_of(os.geteuid())}.",
            hint=f"Run the command as {name_of(owner)}, or in another folder.",
        )
    home.dir.chmod(0o700)
    # Keys and data in a repository of the user's own.
    (home.dir / ".gitignore").write_text("*\n")


def prepare(home: Home, progress: Progress) -> Site:
    """Find the programs and the user to run them, and lay out the folders."""
    home.run.mkdir(exist_ok=True)
    binaries, run_as = locate(home, progress), choose(home.dir)
    keys = read_keys(home.keys_file) or write_keys(home.keys_file, new_keys())
    return Site(home, binaries, run_as, keys)
