"""A `sharedstate.toml` to begin with: comments that name the subsystems of the workspace."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from sharedstate_agents.plain_rpc import CallFailed, call, load
from sharedstate_agents.project import FILE
from sharedstate_agents.setup.owned_file import OwnedFile

_DEADLINE_S = 2.0
_TEXT = """\
# Which files belong to which subsystem. While an agent has checked a subsystem out, the hooks
# refuse edits of its files by all others. Globs are relative to this file; ** crosses folders.

# workspace = "robot"  # else SHAREDSTATE_WORKSPACE, else "default"
# strict = true        # edits are refused also while nobody has checked the subsystem out

[subsystems]
{subsystems}

[hooks]
# task_completed = ["stale", "over_budget"]  # no task ends while this is true of its subsystem

"""


def starter(subsystems: Sequence[str]) -> OwnedFile:
    """The file, with a comment for each subsystem. Its user's version is never replaced."""
    lines = "\n".join(
        f'# {json.dumps(name, ensure_ascii=False)} = ["{_folder(name)}/**"]'
        for name in subsystems or ("skeleton",)
    )
    return OwnedFile(FILE, _TEXT.format(subsystems=lines), is_for_editing=True)


def subsystem_names(root: Path) -> list[str]:
    """The subsystems of the workspace; [] when the database does not answer within two seconds."""
    try:
        settings = load(os.environ, str(root))
        board = call(settings, "get_board", {}, deadline=time.monotonic() + _DEADLINE_S)
    except CallFailed:
        return []
    return [row["name"] for row in board["subsystems"]]


def _folder(name: str) -> str:
    """A guess, in characters that mean nothing in a pattern or in TOML."""
    return "".join(c if c.isalnum() else "_" for c in name.lower())
