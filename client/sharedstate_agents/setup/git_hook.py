"""The guard in git's pre-commit hook, for edits that did not go through a tool of the harness."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sharedstate_agents.setup.block import (
    block,
    inserted_after_first_line,
    stored_block,
    without_block,
)
from sharedstate_agents.setup.errors import SetupError
from sharedstate_agents.setup.programs import Programs

_SHELL = re.compile(r"#!.*\b(?:sh|bash|dash|zsh|ksh)\b.*")
_MADE = "#!/bin/sh\n"


@dataclass(frozen=True)
class GitHook:
    """Our lines at the beginning of `pre-commit`, so that no `exit` of others comes before them."""

    name: str
    program: str

    @property
    def lines(self) -> str:
        """As the hooks do, it lets the commit through where the program is missing."""
        return (
            f"if command -v {self.program} >/dev/null; then\n"
            f"  {self.program} pre-commit || exit 1\n"
            "fi"
        )

    def faults(self, text: str | None) -> list[str]:
        """Our lines are missing, or differ."""
        stored = stored_block(text or "")
        if stored == block(self.lines):
            return []
        return [f"our lines {'differ' if stored else 'are missing'}"]

    def wanted(self, text: str | None) -> str:
        """The script with our lines. SetupError for one that is not a shell's."""
        if text is not None and not self.faults(text):
            return text
        rest = self.without(text) if text else None
        if rest is not None and not _SHELL.match(rest):
            hint = "Have it call `sharedstate-hook pre-commit`, and stop where that fails."
            raise SetupError(f"it is not a shell script. {hint}")
        return inserted_after_first_line(rest or _MADE, self.lines)

    def without(self, text: str) -> str | None:
        """The script without our lines; None when it had no others."""
        rest = without_block(text, appended=False)
        return None if rest != text and rest == _MADE else rest


def git_hook(root: Path, programs: Programs) -> GitHook | None:
    """The guard of this repository; None where `root` is not that of one."""
    command = ["git", "-C", str(root), "rev-parse", "--show-prefix"]
    command += ["--git-path", "hooks/pre-commit"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    below, path_of_hook = found.stdout.splitlines()
    if below:
        return None
    # Of other worktrees, and with core.hooksPath, it lies elsewhere.
    path = root / path_of_hook
    name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    return GitHook(name, programs.in_shell("sharedstate-hook"))


def listed_files(root: Path) -> list[str]:
    """The files below `root` that git has or would add, relative to it; [] without git."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others"]
    try:
        found = subprocess.run([*command, "--exclude-standard"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return os.fsdecode(found.stdout).split("\0")[:-1]


def is_ignored(root: Path, name: str) -> bool:
    """Whether git ignores a file, or there is no git that could commit it."""
    command = ["git", "-C", str(root), "check-ignore", "--quiet", name]
    try:
        return subprocess.run(command, capture_output=True).returncode != 1
    except OSError:
        return True
