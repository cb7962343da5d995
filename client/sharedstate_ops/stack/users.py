"""As whom the servers run: Postgres refuses to run as root, and the others need not be root.

Three ways, the first that works:
- we are an ordinary user: directly;
- root, user namespaces allowed: below `unshare`, which drops every privilege of root, while files
  stay root's own, so any home will do, also one with mode 0700;
- root, user namespaces forbidden (as in many containers): as another real user, with data and
  copies of the binaries in a folder that this user can reach.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sharedstate_ops.stack.errors import StackError

_SHARED_FOLDERS = (Path("/var/lib/sharedstate"), Path("/var/tmp/sharedstate"))


@dataclass(frozen=True)
class RunAs:
    """How to start a process as the unprivileged user."""

    user: str
    prefix: tuple[str, ...] = ()
    popen_options: dict[str, Any] = field(default_factory=dict)
    uid: int | None = None
    gid: int | None = None

    @property
    def relocated(self) -> bool:
        """Whether the user cannot reach the home, so that files have to be elsewhere."""
        return self.uid is not None

    def give(self, path: Path) -> None:
        """Make a file or folder the user's own, where it is not ours already."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose(home: Path, programs: Sequence[Path], *, moved_before: bool = False) -> RunAs:
    """The way that works on this machine for `programs` and files below `home` (which exists).

    `moved_before`: the data is already where a real user can reach it, and that user owns it.
    """
    if os.geteuid() != 0:
        return RunAs(user=name_of(os.geteuid()))
    entry = _unprivileged_user()
    prefix = _namespace_prefix(entry)
    if prefix is not None and not moved_before and _works(prefix, home, programs):
        return RunAs(user=entry.pw_name, prefix=prefix)
    return RunAs(
        user=entry.pw_name,
        popen_options={"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []},
        uid=entry.pw_uid,
        gid=entry.pw_gid,
    )


def shared_folder(name: str) -> Path:
    """A folder outside every home that all users can enter, for a real user's files."""
    problems = []
    for parent in _SHARED_FOLDERS:
        try:
            folder = parent / name
            folder.mkdir(parents=True, exist_ok=True)
            # Postgres' own data directory below is 0700; these only have to be passed through.
            parent.chmod(0o755)
            folder.chmod(0o755)
            return folder
        except OSError as error:
            problems.append(f"{parent}: {error.strerror}")
    raise StackError(
        "no folder for the servers' files can be made: " + "; ".join(problems),
        hint="Run as an ordinary user instead of root.",
    )


def _unprivileged_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        pass
    for entry in pwd.getpwall():
        if entry.pw_uid != 0:
            return entry
    raise StackError(
        "Postgres does not run as root, and this machine has no other user.",
        hint="Make one (useradd --system sharedstate), or run as an ordinary user.",
    )


def _namespace_prefix(entry: pwd.struct_passwd) -> tuple[str, ...] | None:
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    return (unshare, "--user", f"--map-user={entry.pw_uid}", f"--map-group={entry.pw_gid}", "--")


def _works(prefix: tuple[str, ...], folder: Path, programs: Sequence[Path]) -> bool:
    """Whether a process below `prefix`, which has root's files but not its powers, gets by."""
    script = '[ -w "$1" ] && [ -x "$1" ] && shift && for p; do [ -x "$p" ] || exit 1; done'
    answer = subprocess.run(
        [*prefix, "/bin/sh", "-c", script, "sh", str(folder), *map(str, programs)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
    )
    return answer.returncode == 0


def name_of(uid: int) -> str:
    """A user's name, or the number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
