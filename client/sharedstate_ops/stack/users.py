"""As whom the servers run: Postgres refuses to run as root, and the others need not be root.

Three ways, the first that works:
- we are an ordinary user: directly;
- root, user namespaces allowed: below `unshare`, which drops every privilege of root, while files
  stay root's own, so any home will do, also one with mode 0700;
- root, user namespaces forbidden (as in many containers): below `setpriv` as another real user,
  with data and copies of the binaries in a folder that this user can reach.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.paths import Home

_SHARED_FOLDER = Path("/var/lib/sharedstate")


@dataclass(frozen=True)
class RunAs:
    """How to start a process as the unprivileged user: below `prefix`.

    With a `uid` that user cannot reach the home, so files have to be elsewhere, and its own.
    """

    prefix: tuple[str, ...] = ()
    uid: int | None = None

    def give(self, path: Path) -> None:
        """Make a file or folder the user's own, where it is not ours already."""
        if self.uid is not None:
            os.chown(path, self.uid, -1, follow_symlinks=False)


def choose(home: Home, programs: Sequence[Path]) -> RunAs:
    """The way that works on this machine for `programs` and files of `home` (which exists)."""
    if os.geteuid() != 0:
        return RunAs()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise StackError(
            "Postgres does not run as root, and this machine has no user `nobody`.",
            hint="Run as an ordinary user.",
        ) from error
    uid, gid = nobody.pw_uid, nobody.pw_gid
    mapped = RunAs(("unshare", "--user", f"--map-user={uid}", f"--map-group={gid}", "--"))
    if home.data.is_symlink():  # The data is that user's since its first start.
        pass
    elif _works(mapped, home.dir, programs):
        return mapped
    elif home.data.exists():
        raise StackError(
            f"the data in {home.data} is root's, which needs user namespaces, and they are not "
            "allowed here.",
            hint=f"Start it as an ordinary user who owns all of {home.root} (chown -R), or where "
            "they are allowed.",
        )
    return RunAs(("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--"), uid)


def _works(run_as: RunAs, folder: Path, programs: Sequence[Path]) -> bool:
    """Whether a process with root's files but not its powers gets by."""
    script = '[ -w "$1" ] && [ -x "$1" ] && shift && for p; do [ -x "$p" ] || exit 1; done'
    command = [*run_as.prefix, "/bin/sh", "-c", script, "sh", str(folder), *map(str, programs)]
    try:
        return subprocess.run(command, capture_output=True, timeout=20).returncode == 0
    except FileNotFoundError:
        return False


def shared_folder(name: str) -> Path:
    """A folder outside every home that all users can enter, for a real user's files."""
    folder = _SHARED_FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    # Postgres' own data directory below is 0700; these only have to be passed through.
    for each in (_SHARED_FOLDER, folder):
        each.chmod(0o755)
    return folder


def name_of(uid: int) -> str:
    """A user's name, or the number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
