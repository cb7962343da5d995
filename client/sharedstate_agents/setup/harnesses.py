"""What a harness needs in a project: what is missing, what to change, and what to say beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sharedstate_agents.project import main_worktree
from sharedstate_agents.setup import claude, codex, cursor, gemini
from sharedstate_agents.setup.changes import Change, read
from sharedstate_agents.setup.errors import SetupError
from sharedstate_agents.setup.git_hook import GitHook, git_hook, is_ignored
from sharedstate_agents.setup.managed_file import ManagedFile
from sharedstate_agents.setup.owned_file import OwnedFile
from sharedstate_agents.setup.programs import NAMES, VENV, Programs
from sharedstate_agents.setup.starter import starter, subsystem_names

HARNESSES: dict[str, Callable[[Programs], list[ManagedFile]]] = {
    "claude": claude.files,
    "codex": codex.files,
    "cursor": cursor.files,
    "gemini": gemini.files,
}


@dataclass(frozen=True)
class Setup:
    """One harness in one project. `guard`: git's pre-commit hook belongs to it."""

    root: Path
    harness: str
    programs: Programs
    guard: bool = False

    @classmethod
    def of(cls, root: Path, harness: str, *, guard: bool = False) -> Setup:
        """With the programs as this project has them. SetupError: a guard without a repository."""
        root = root.resolve()
        found = cls(root, harness, Programs.of(root), guard)
        if guard and found._guard() is None:
            raise SetupError(f"{root} is not the root of a git repository: no commit to guard.")
        return found

    def faults(self) -> list[str]:
        """What is missing or differs, behind the name of its file."""
        found: list[str] = []
        for file in self._files():
            with _naming(file):
                found += [f"{file.name}: {fault}" for fault in file.faults(self._text(file))]
        return found

    def additions(self) -> list[Change]:
        """What has to change so that nothing is missing."""
        return self._changes(self._files(), lambda file, text: file.wanted(text))

    def removals(self) -> list[Change]:
        """What has to change so that nothing of ours is left."""
        return self._changes(self._removable(), _without)

    def is_there(self) -> bool:
        """Whether anything of this harness is set up."""
        try:
            return bool(self._changes(self.own_files(), _without))
        except SetupError:  # a file that is broken; perhaps it has nothing of ours
            texts = (self._text(file) or "" for file in self.own_files())
            return any("sharedstate" in text for text in texts)

    def left(self, *, removing: bool = False) -> list[str]:
        """Files of our names that setup leaves to their users."""
        return [
            file.name
            for file in (self._removable() if removing else self.own_files())
            if isinstance(file, OwnedFile) and file.is_left(self._text(file))
        ]

    def warnings(self) -> list[str]:
        """What is not wrong in a file of ours, and still wants a look."""
        found = [
            f"git does not ignore {name}, which has keys: add it to .gitignore."
            for name in (".env", ".sharedstate/keys.json")
            if (self.root / name).parent.is_dir() and not is_ignored(self.root, name)
        ]
        here = self.root / VENV
        if self.programs.place == "venv" and not all((here / name).exists() for name in NAMES):
            found.append(
                "sharedstate is not in this worktree's .venv, from which the harness starts it. "
                f"Link that of the main worktree: ln -s {main_worktree(str(self.root))}/.venv"
            )
        if self.programs.place == "nowhere":
            found.append(
                "sharedstate and sharedstate-hook are neither on the PATH nor in .venv/bin: agents "
                'do not find them. Install them: pip install "sharedstate[local,mcp]".'
            )
        return found

    def own_files(self) -> list[ManagedFile]:
        """The files of this harness alone."""
        return HARNESSES[self.harness](self.programs)

    def _files(self) -> list[ManagedFile]:
        first = starter(())
        if self._text(first) is None:
            first = starter(subsystem_names(self.root))
        guard = self._guard() if self.guard else None
        return [*self.own_files(), first, *([guard] if guard else [])]

    def _removable(self) -> list[ManagedFile]:
        """The files of this harness; what all harnesses share goes with the last of them."""
        files = self.own_files()
        others = (replace(self, harness=name) for name in HARNESSES if name != self.harness)
        if not any(other.is_there() for other in others):
            guard = self._guard()
            files += [starter(()), *([guard] if guard else [])]
        return files

    def _guard(self) -> GitHook | None:
        return git_hook(self.root, self.programs)

    def _text(self, file: ManagedFile) -> str | None:
        return read(self.root, file.name)

    def _changes(
        self,
        files: Sequence[ManagedFile],
        edited: Callable[[ManagedFile, str | None], str | None],
    ) -> list[Change]:
        found = []
        for file in files:
            before = self._text(file)
            with _naming(file):
                after = edited(file, before)
            if after != before:
                executable = isinstance(file, GitHook)
                found.append(Change(self.root, file.name, before, after, executable))
        return found


def _without(file: ManagedFile, text: str | None) -> str | None:
    return None if text is None else file.without(text)


@contextlib.contextmanager
def _naming(file: ManagedFile) -> Iterator[None]:
    try:
        yield
    except SetupError as problem:
        raise SetupError(f"{file.name}: {problem}") from problem
