"""A user's repository: where its sharedstate.toml is, and which subsystem each file belongs to.

    project = Project.of(project_folder(os.environ, os.getcwd()))
    project.subsystems_of("parts/skeleton/femur.py")  # ["skeleton"]

Standard library only, and little of it: hooks import this module at each tool call.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

FILE = "sharedstate.toml"
CHECKS = ("stale", "over_budget")


class ProjectError(ValueError):
    """sharedstate.toml cannot be used; the text says why."""


class Project(NamedTuple):
    """What sharedstate.toml says; without one, a project in which no file has a subsystem.

    `subsystems`: their path globs, relative to `root`. `strict`: an edit needs a lease of its own.
    `faults`: names and globs that say nothing, perhaps misspelt, in words.
    `task_completed`: what must not be true of an agent's subsystems when it completes a task.
    """

    root: str
    workspace: str | None = None
    strict: bool = False
    subsystems: Mapping[str, list[str]] = {}
    task_completed: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @classmethod
    def of(cls, root: str) -> Project:
        """The project in this folder. ProjectError when its file cannot be read, or is wrong."""
        path = os.path.join(root, FILE)
        try:
            with open(path, "rb") as file:
                content = tomllib.load(file)
        except FileNotFoundError:
            return cls(root)
        except (OSError, ValueError) as problem:
            raise ProjectError(f"{path} cannot be read: {problem}") from problem
        hooks, subsystems = (_value(content, key, dict, {}) for key in ("hooks", "subsystems"))
        for name, globs in subsystems.items():
            if not isinstance(globs, list) or not all(isinstance(glob, str) for glob in globs):
                raise ProjectError(f'{FILE}: {name} is a list of globs, such as ["parts/**"].')
        checks = _value(hooks, "task_completed", list, [])
        if unknown := [check for check in checks if check not in CHECKS]:
            raise ProjectError(f"{FILE}: task_completed has {unknown[0]!r}; it knows {CHECKS}.")
        workspace = _value(content, "workspace", str, None)
        strict = _value(content, "strict", bool, False)
        faults = (
            *_unknown(content, "workspace", "strict", "subsystems", "hooks"),
            *_unknown(hooks, "task_completed"),
            *_unfit(subsystems),
        )
        return cls(root, workspace, strict, subsystems, tuple(checks), faults)

    def subsystems_of(self, path: str, folder: str | None = None) -> list[str]:
        """The subsystems that this file belongs to; a relative path is one in `folder` (the root).

        A file of another worktree of the repository belongs where its counterpart here does.
        """
        inside = self._relative(os.path.join(folder or self.root, path))
        if inside is None:
            return []
        flags = re.IGNORECASE if self._ignores_case() else 0
        return [
            name
            for name, globs in self.subsystems.items()
            if any(re.fullmatch(pattern_of(glob), inside, flags) for glob in globs)
        ]

    def _relative(self, path: str) -> str | None:
        """The path below our root, or below the same folder of another worktree; else None."""
        real = os.path.realpath(path)
        theirs, ours = _nearest(os.path.dirname(real), ".git"), _nearest(self.root, ".git")
        if theirs and ours and _repository_of(theirs) == _repository_of(ours):
            below = os.path.relpath(os.path.realpath(self.root), os.path.realpath(ours))
            return _below(real, os.path.normpath(os.path.join(theirs, below)))
        return _below(real, self.root)

    def _ignores_case(self) -> bool:
        """Whether the file system takes SHAREDSTATE.TOML for the same file."""
        path = os.path.join(self.root, FILE)
        try:
            return os.path.samefile(path, os.path.join(self.root, FILE.upper()))
        except OSError:
            return False


def project_folder(environ: Mapping[str, str], folder: str) -> str:
    """The nearest folder with a sharedstate.toml or a `.git`, from CLAUDE_PROJECT_DIR upwards.

    Without that variable from `folder` upwards; where there is none, the folder itself.
    """
    start = os.path.abspath(environ.get("CLAUDE_PROJECT_DIR") or folder)
    return _nearest(start, FILE, ".git") or start


def pattern_of(glob: str) -> str:
    """The regular expression of a glob: `*` and `?` stay within a folder, `**` crosses folders.

    Without them it is a file, or a folder with all that is in it. Every other sign is itself.

    Example:
        >>> bool(re.fullmatch(pattern_of("parts/**/*.py"), "parts/skeleton/femur.py"))
        True
    """
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", glob.removeprefix("./").removesuffix("/"))
    below = "(?:/.*)?" if len(pieces) == 1 else ""
    if glob.endswith("/") and pieces[-2:] != ["**", ""]:
        below = below or "/.*"
    return "(?s:" + "".join(parts.get(piece) or re.escape(piece) for piece in pieces) + below + ")"


def main_worktree(folder: str) -> str | None:
    """The main worktree of the repository of which `folder` lies in another one, else None."""
    checkout = _nearest(folder, ".git")
    if not checkout or os.path.isdir(os.path.join(checkout, ".git")):
        return None
    common = _repository_of(checkout)
    return os.path.dirname(common) if os.path.basename(common) == ".git" else None


def _unknown(table: Mapping[str, Any], *known: str) -> Iterator[str]:
    for name in table:
        if name not in known:
            yield f"{FILE}: {name} is unknown here. Known: {', '.join(known)}."


def _unfit(subsystems: Mapping[str, list[str]]) -> Iterator[str]:
    for name, globs in subsystems.items():
        for glob in globs:
            parts = glob.removeprefix("./").removesuffix("/").split("/")
            if "\\" in glob or not {"", ".", ".."}.isdisjoint(parts):
                yield (
                    f'{FILE}: "{glob}" of {name} fits no file. Write paths below the folder of '
                    "this file, with one / between folders."
                )


def _value(table: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    value = table.get(key, default)
    if value is default or isinstance(value, kind):
        return value
    words = {str: "a text", bool: "true or false", dict: "a table", list: "a list"}
    raise ProjectError(f"{FILE}: {key} is {words[kind]}.")


def upwards(folder: str) -> Iterator[str]:
    """This folder and those that it lies in, down to the root of the file system."""
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def _nearest(folder: str, *names: str) -> str | None:
    """The nearest folder with one of these in it, from this one upwards."""
    for parent in upwards(folder):
        if any(os.path.exists(os.path.join(parent, name)) for name in names):
            return parent
    return None


def _repository_of(checkout: str) -> str:
    """The `.git` folder that all worktrees of a repository share.

    In a worktree `.git` is a file; it names a folder with a file `commondir`. A submodule's folder
    has none.
    """
    git = os.path.join(checkout, ".git")
    try:
        with open(git, encoding="utf-8") as file:
            git = os.path.join(checkout, file.read().strip().removeprefix("gitdir: "))
        with open(os.path.join(git, "commondir"), encoding="utf-8") as file:
            git = os.path.join(git, file.read().strip())
    except (OSError, UnicodeDecodeError):  # a folder, as in any checkout
        pass
    return os.path.realpath(git)


def _below(path: str, folder: str) -> str | None:
    """The path relative to the folder, with slashes; None where it is not in it.

    Folders are compared as files are, because their names may be written in several ways.
    """
    tail = os.path.basename(path)
    for parent in upwards(os.path.dirname(path)):
        try:
            if os.path.samefile(parent, folder):
                return tail
        except OSError:  # not made yet
            pass
        tail = f"{os.path.basename(parent)}/{tail}"
    return None
