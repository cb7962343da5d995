"""Where things are: the folder of an installation, and the files that the package brings along."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sharedstate_ops.stack.errors import StackError

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Home:
    """The folder that holds `.sharedstate/` and `.env`."""

    root: Path

    @property
    def dir(self) -> Path:
        """All that the stack keeps: data, keys, logs, the state of its processes."""
        return self.root / ".sharedstate"

    @property
    def env_file(self) -> Path:
        return self.root / ".env"

    @property
    def keys_file(self) -> Path:
        return self.dir / "keys.json"

    @property
    def state_file(self) -> Path:
        return self.dir / "state.json"

    @property
    def lock_file(self) -> Path:
        return self.dir / "lock"

    @property
    def logs(self) -> Path:
        return self.dir / "logs"

    @property
    def run(self) -> Path:
        """Configuration and scratch files of the running parts, or a link to where they are."""
        return self.dir / "run"

    @property
    def data(self) -> Path:
        """Postgres' data directory, or a link to it."""
        return self.dir / "postgres"

    @property
    def moved_data(self) -> Path:
        """What was the data directory, until the copy elsewhere is linked in its place."""
        return self.dir / "postgres.moved"


def checkout_root() -> Path | None:
    """The repository that this package runs from, or None when it was installed from a wheel."""
    root = _PACKAGE.parents[1]
    found = (root / "package.json").is_file() and (root / "gateway").is_dir()
    return root if found and _PACKAGE.parent.name == "client" else None


def asset(*parts: str) -> Path:
    """A file that comes with the package: from the repository, or from `_assets` in a wheel."""
    root = checkout_root() or _PACKAGE / "_assets"
    path = root.joinpath(*parts)
    if not path.exists():
        raise StackError(
            f"{'/'.join(parts)} is missing from this installation (looked in {root}).",
            hint="Install the package again, or run in a complete checkout.",
        )
    return path


def find_home(start: Path | None = None) -> Home:
    """The nearest folder upwards with `.sharedstate/`, or that is our checkout, else `start`."""
    start = (start or Path.cwd()).resolve()
    root = checkout_root()
    for folder in (start, *start.parents):
        # Not past the checkout: what lies above it was made for something else.
        if (folder / ".sharedstate").is_dir() or folder == root:
            return Home(folder)
    return Home(start)
