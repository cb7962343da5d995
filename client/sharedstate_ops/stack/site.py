"""Where the servers of one home are, and as whom they run."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sharedstate_ops.stack import binaries as programs
from sharedstate_ops.stack import postgres
from sharedstate_ops.stack.binaries import Binaries
from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.keys import Keys, load_or_make_keys
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.progress import Progress
from sharedstate_ops.stack.users import RunAs, choose, name_of, shared_folder


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
    _mend_links(home)
    run_as = choose(home.dir, executables, moved_before=home.data.is_symlink())
    if run_as.relocated:
        _relocate(home, run_as, progress)
    home.run.mkdir(exist_ok=True)
    if run_as.relocated:
        _keep_for_us(home.run.resolve())
    keys, new = load_or_make_keys(home.keys_file)
    return Site(
        binaries=programs.reachable(found, run_as),
        run_as=run_as,
        data=home.data.resolve(),
        run=home.run.resolve(),
        keys=keys,
        keys_are_new=new,
    )


def _mend_links(home: Home) -> None:
    """Take back a move that was interrupted, or finish it; forget links to what is gone."""
    for link in (home.data, home.run):
        if link.is_symlink() and not link.exists():
            link.unlink()
    if home.moved_data.exists():
        if not home.data.exists():
            home.moved_data.rename(home.data)
        elif home.data.is_symlink():
            shutil.rmtree(home.moved_data)


def _relocate(home: Home, run_as: RunAs, progress: Progress) -> None:
    """Put data and run folder where the servers' user can reach them, and link to them.

    Interrupted at any moment it leaves the data in the home, or a link to all of it: else the next
    start would make an empty database beside it.
    """
    if home.data.is_symlink():
        return
    _require_stopped(home)
    folder = _folder_for(home)
    progress(f"user namespaces are not allowed here: the servers' files are in {folder}")
    if home.data.is_dir():
        _copy(home.data, folder / "postgres", run_as)
        home.data.rename(home.moved_data)
    home.data.symlink_to(folder / "postgres")
    if home.moved_data.exists():
        shutil.rmtree(home.moved_data)


def _keep_for_us(run: Path) -> None:
    """The servers' user may enter it, but write only where a server has to.

    Root writes into it, and would follow any link that a process of that user had put there.
    Earlier versions gave it away.
    """
    os.chown(run, os.geteuid(), os.getegid())
    run.chmod(0o755)


def _require_stopped(home: Home) -> None:
    server, orphans = postgres.servers_on(home.data)
    if server is not None or orphans:
        raise StackError(
            "user namespaces are no longer allowed here: the data has to move to where another "
            "user can reach it, and Postgres runs on it.",
            hint="Run `sharedstate down` first, then `sharedstate up`.",
        )


def _folder_for(home: Home) -> Path:
    """The folder outside, which the link to its run folder names: a second try goes on in it."""
    folder = home.run.resolve().parent
    if home.run.is_symlink() and not (folder / "postgres").exists():
        return folder
    _remove(home.run)
    folder = shared_folder(postgres.new_folder_name(home.root))
    (folder / "run").mkdir()
    home.run.symlink_to(folder / "run")
    return folder


def _copy(data: Path, place: Path, run_as: RunAs) -> None:
    """Copy a data directory for another user; it has its name only when it is whole."""
    scratch = place.with_name(f"{place.name}.part")
    _remove(scratch)
    shutil.copytree(data, scratch, symlinks=True)
    for path in scratch.rglob("*"):
        run_as.give(path)
    # Last: until now nobody but root could enter it.
    run_as.give(scratch)
    # The original is deleted soon, and Postgres does not sync what it did not write.
    os.sync()
    scratch.rename(place)


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
