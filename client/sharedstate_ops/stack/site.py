"""Where the servers of one home are, and as whom they run."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from sharedstate_ops.stack import binaries as programs
from sharedstate_ops.stack import processes
from sharedstate_ops.stack.binaries import Binaries
from sharedstate_ops.stack.errors import Progress, StackError
from sharedstate_ops.stack.keys import Keys, new_keys, read_keys, write_keys
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.users import RunAs, choose, name_of, shared_folder


@dataclass(frozen=True)
class Site:
    """Where and as whom the servers run."""

    home: Home
    binaries: Binaries
    run_as: RunAs
    data: Path
    run: Path
    keys: Keys

    def spawn(
        self, command: Sequence[str], *, cwd: Path, log: str, env: dict[str, str] | None = None
    ) -> psutil.Popen:
        """Start a server in a session of its own that outlives us; `log` names its log."""
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
        return child

    def log(self, name: str) -> Path:
        return self.home.logs / f"{name}.log"


# Kept, so that none warns when it is collected; those that ended are reaped.
_children: list[psutil.Popen] = []


def make_folder(home: Home) -> None:
    """Make `.sharedstate/`, and refuse one that belongs to somebody else."""
    try:
        home.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = home.dir.stat().st_uid
        if owner == os.geteuid():
            home.dir.chmod(0o700)
    except OSError as error:
        raise StackError(
            f"{home.dir} cannot be used: {error.strerror}.",
            hint="Run in a folder that you may write to, or as the user it belongs to.",
        ) from error
    if owner != os.geteuid():
        raise StackError(
            f"{home.dir} belongs to the user {name_of(owner)}, and you are "
            f"{name_of(os.geteuid())}.",
            hint=f"Run the command as {name_of(owner)}, or in another folder.",
        )


def prepare(home: Home, progress: Progress) -> Site:
    """Find the programs and the user to run them, and lay out the folders."""
    found = programs.locate(home, progress)
    for link in (home.data, home.run):
        if link.is_symlink() and not link.exists():  # What it led to was deleted, or never made.
            link.unlink()
    run_as = choose(home, [found.postgres, found.initdb, found.postgrest, found.nginx])
    if run_as.uid is not None:
        _lay_out_elsewhere(home, progress)
    home.run.mkdir(exist_ok=True)
    return Site(
        home=home,
        binaries=programs.reachable(found, run_as),
        run_as=run_as,
        data=home.data.resolve(),
        run=home.run.resolve(),
        keys=read_keys(home.keys_file) or write_keys(home.keys_file, new_keys()),
    )


def _lay_out_elsewhere(home: Home, progress: Progress) -> None:
    """Link data and run folder to where the servers' user can reach them."""
    if not home.run.is_symlink():
        shutil.rmtree(home.run, ignore_errors=True)
        name = f"home-{home.root.name[:24] or 'root'}-{secrets.token_hex(4)}"
        run = shared_folder(name) / "run"
        run.mkdir()
        home.run.symlink_to(run)
        progress(f"user namespaces are not allowed here: the servers' files are in {run.parent}")
    run = home.run.resolve()
    if not home.data.is_symlink():
        home.data.symlink_to(run.with_name("postgres"))
    # That user may enter it, but write only where a server has to: root writes into it, and would
    # follow any link that a process of that user had put there. Earlier versions gave it away.
    os.chown(run, os.geteuid(), os.getegid())
    run.chmod(0o755)
