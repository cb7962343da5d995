"""Where the servers of one home are, and as whom they run."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sharedstate.stack import binaries as programs
from sharedstate.stack import postgres
from sharedstate.stack.binaries import Binaries
from sharedstate.stack.errors import StackError
from sharedstate.stack.keys import Keys, load_or_make_keys
from sharedstate.stack.paths import Home
from sharedstate.stack.progress import Progress
from sharedstate.stack.users import RunAs, choose, name_of, shared_folder


@dataclass(frozen=True)
class Site:
    """Where and as whom the servers run."""

    binaries: Binaries
    run_as: RunAs
    data: Path
    run: Path
    keys: Keys
    keys_are_new: bool


def make_folder(home: Home) -> None:
    """Make `.sharedstate/`, and refuse one that belongs to somebody else."""
    folder = home.dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "logs").mkdir(exist_ok=True)
        owner = folder.stat().st_uid
        if owner == os.geteuid():
            folder.chmod(0o700)
    except OSError as error:
        raise StackError(
            f"{folder} cannot be used: {error.strerror}.",
            hint="Run in a folder that you may write to, or as the user it belongs to.",
        ) from error
    if owner != os.geteuid():
        raise StackError(
            f"{folder} belongs to the user {name_of(owner)}, and you are {name_of(os.geteuid())}.",
            hint=f"Run the command as {name_of(owner)}, or in another folder.",
        )


def prepare(home: Home, progress: Progress) -> Site:
    """Find the programs and the user to run them, and lay out the folders."""
    found = programs.locate(home, progress)
    executables = [found.postgres, found.initdb, found.postgrest, found.nginx]
    moved = home.data.is_symlink()
    if moved and not home.data.exists():
        # What it led to is gone: a fresh start.
        for link in (home.data, home.run):
            if link.is_symlink():
                link.unlink()
        moved = False
    run_as = choose(home.dir, executables, moved_before=moved)
    if run_as.relocated:
        _relocate(home, run_as, progress)
    home.run.mkdir(exist_ok=True)
    keys, new = load_or_make_keys(home.keys_file)
    return Site(
        binaries=programs.reachable(found, run_as),
        run_as=run_as,
        data=home.data.resolve(),
        run=home.run.resolve(),
        keys=keys,
        keys_are_new=new,
    )


def _relocate(home: Home, run_as: RunAs, progress: Progress) -> None:
    """Put data and run folder where the servers' user can reach them, and link to them."""
    if home.data.is_symlink():
        return
    folder = shared_folder(postgres.new_folder_name(home.root))
    progress(f"user namespaces are not allowed here: the servers' files are in {folder}")
    if home.data.is_dir():
        shutil.move(home.data, folder / "postgres")
        for path in (folder / "postgres").rglob("*"):
            run_as.give(path)
        run_as.give(folder / "postgres")
    if home.run.is_symlink() or home.run.is_dir():
        _remove(home.run)
    (folder / "run").mkdir()
    run_as.give(folder / "run")
    home.run.symlink_to(folder / "run")
    home.data.symlink_to(folder / "postgres")


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path)
