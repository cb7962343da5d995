"""Changes of several files: shown first, then written all or not at all."""

from __future__ import annotations

import contextlib
import difflib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sharedstate_agents.setup.errors import SetupError


@dataclass(frozen=True)
class Change:
    """A file before and after; None is no file. `name` is how the file is called in messages."""

    root: Path
    name: str
    before: str | None
    after: str | None
    executable: bool = False

    @property
    def path(self) -> Path:
        """The file itself: a link is followed, and stays."""
        return (self.root / self.name).resolve()

    def difference(self) -> str:
        """A unified diff, as `git diff` has it."""
        old, new = (
            f"{side}/{self.name}" if text is not None else "/dev/null"
            for side, text in (("a", self.before), ("b", self.after))
        )
        before, after = (
            (text or "").splitlines(keepends=True) for text in (self.before, self.after)
        )
        lines = difflib.unified_diff(before, after, old, new)
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in lines
        )


def read(root: Path, name: str) -> str | None:
    """The text of a file, its line endings as they are; SetupError when it cannot be read."""
    path = root / name
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        if path.is_symlink():
            raise SetupError(f"{name}: it is a link to a file that is not there") from None
        return None
    except UnicodeDecodeError as problem:
        raise SetupError(f"{name}: it is not UTF-8 text") from problem
    except OSError as problem:
        raise SetupError(f"{name}: it cannot be read: {problem.strerror}") from problem


def write(changes: Sequence[Change]) -> None:
    """Write all changes, or none: SetupError. Folders that have become empty go too."""
    for change in changes:
        _require_writable(change)
    done: list[Change] = []
    try:
        for change in changes:
            _replace(change, change.after)
            done.append(change)
    except OSError as problem:
        for change in reversed(done):
            with contextlib.suppress(OSError):
                _replace(change, change.before)
        name = changes[len(done)].name
        raise SetupError(f"{name}: {problem.strerror}") from problem


def _require_writable(change: Change) -> None:
    path = change.path
    folder = next(parent for parent in path.parents if parent.exists())
    reason = ""
    if not folder.is_dir():
        reason = f"{folder} is not a folder"
    elif not os.access(folder, os.W_OK | os.X_OK):
        reason = f"{folder} is read-only"
    # Root may write every file; one that its owner made read-only is meant to stay as it is.
    elif path.exists() and not (os.access(path, os.W_OK) and path.stat().st_mode & 0o222):
        reason = "it is read-only"
    elif read(change.root, change.name) != change.before:
        reason = "somebody else has changed it meanwhile: run this again"
    if reason:
        raise SetupError(f"{change.name}: {reason}")


def _replace(change: Change, text: str | None) -> None:
    """The file with this text in one step, its mode as it was; None deletes it."""
    path = change.path
    if text is None:
        path.unlink(missing_ok=True)
        _drop_empty_folders(path.parent, change.root)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    old = path.exists()
    mode = stat.S_IMODE(path.stat().st_mode) if old else 0o777 if change.executable else 0o666
    try:
        # From the start nobody reads it who could not read the old one: it may have others' keys.
        scratch.touch(mode=mode, exist_ok=False)
        scratch.write_bytes(text.encode())
        if old:
            scratch.chmod(mode)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _drop_empty_folders(folder: Path, root: Path) -> None:
    """Harnesses' folders without a file: `.claude/agents`, then `.claude`; none of git's."""
    while folder.is_relative_to(root) and folder != root and folder.parent.name != ".git":
        try:
            folder.rmdir()
        except OSError:  # not empty
            return
        folder = folder.parent
