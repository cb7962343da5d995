"""As whom the servers run: Postgres refuses to run as root, and the others need not be root.

Three ways, the first that works; in each the files stay where they are, in a home of any mode:
- we are an ordinary user: directly;
- root, user namespaces allowed: below `unshare`, as the owner of root's files, with no powers;
- root, user namespaces forbidden (as in many containers): below `setpriv`, as another user, with
  the one power to pass by the modes of files.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from sharedstate_ops.stack.errors import StackError

# Of the user `nobody` and his group, on every Linux of today.
_NOBODY = 65534


@dataclass(frozen=True)
class RunAs:
    """How to start a process as the unprivileged user: below `prefix`; and who has to own data."""

    prefix: tuple[str, ...] = ()
    uid: int = field(default_factory=os.geteuid)

    def give(self, folder: Path) -> None:
        """Make a folder with all that is in it the user's own: Postgres insists on that."""
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", str(self.uid), str(folder)], check=True)


def choose(folder: Path) -> RunAs:
    """The way that works on this machine for files below `folder` (which exists)."""
    if os.geteuid() != 0:
        return RunAs()
    uid = gid = _NOBODY
    power = "-all,+dac_override"
    ids = (f"--reuid={uid}", f"--regid={gid}", "--clear-groups", f"--bounding-set={power}")
    for way in (
        RunAs(("unshare", "--user", f"--map-user={uid}", f"--map-group={gid}", "--")),
        RunAs(("setpriv", *ids, f"--inh-caps={power}", f"--ambient-caps={power}", "--"), uid),
    ):
        if _works(way, folder):
            return way
    raise StackError(
        "Postgres does not run as root, and neither `unshare` nor `setpriv` (of util-linux) can "
        "run it as another user here.",
        hint="Run as an ordinary user.",
    )


def _works(way: RunAs, folder: Path) -> bool:
    """Whether a process that is started so may write to a folder of root's."""
    # No `test -w`: it asks what the user may do without his powers.
    command = [*way.prefix, "touch", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, timeout=20).returncode == 0
    except FileNotFoundError:
        return False


def name_of(uid: int) -> str:
    """A user's name, or the number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
