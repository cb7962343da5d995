"""How configuration that is committed calls our programs, so that it works for others too."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sharedstate_agents.project import main_worktree

VENV = ".venv/bin"
NAMES = ("sharedstate", "sharedstate-hook")
# The main worktree, which has the `.venv`, in a shell that was started anywhere in a repository.
_ROOT_IN_SHELL = '$(dirname "$(git rev-parse --git-common-dir 2>/dev/null || echo .)")'

Place = Literal["path", "venv", "nowhere"]


@dataclass(frozen=True)
class Programs:
    """Where the programs are: on the PATH, or in the project's `.venv`.

    In another git worktree that of the main one counts too: what is committed is the same in all.
    "nowhere" is written like "path": they may be installed later.
    """

    place: Place

    @classmethod
    def of(cls, root: Path) -> Programs:
        """Those that work in this project. A `.venv` that is activated is no PATH of others."""
        main = main_worktree(str(root))
        own = [Path(folder, VENV).resolve() for folder in (root, main) if folder]
        folders = os.get_exec_path()
        others = os.pathsep.join(f for f in folders if f and Path(f).resolve() not in own)
        if all(shutil.which(name, path=others) for name in NAMES):
            return cls("path")
        if any(all(os.access(folder / name, os.X_OK) for name in NAMES) for folder in own):
            return cls("venv")
        return cls("nowhere")

    def written(self, name: str, root: str) -> str:
        """The program behind a folder that the harness expands, or its plain name."""
        return f"{root}/{VENV}/{name}" if self.place == "venv" else name

    def in_shell(self, name: str) -> str:
        """The same for a harness that runs a shell in any folder of the project."""
        return f'"{_ROOT_IN_SHELL}/{VENV}/{name}"' if self.place == "venv" else name
