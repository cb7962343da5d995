"""Where things are: the folder of an installation, and the files that the package brings along."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


class Home:
    """The folder `root` that holds `.env` and `.sharedstate/`, with all that the stack keeps."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env_file = root / ".env"
        self.dir = root / ".sharedstate"
        self.keys_file = self.dir / "keys.json"
        self.state_file = self.dir / "state.json"
        self.lock_file = self.dir / "lock"
        self.logs = self.dir / "logs"
        # Configuration and scratch files of the running parts.
        self.run = self.dir / "run"
        self.data = self.dir / "postgres"


def checkout_root() -> Path | None:
    """The repository that this package runs from, or None when it was installed from a wheel."""
    root = _PACKAGE.parents[1]
    found = (root / "package.json").is_file() and (root / "gateway").is_dir()
    return root if found and _PACKAGE.parent.name == "client" else None


def asset(*parts: str) -> Path:
    """A file that comes with the package: from the repository, or from `_assets` in a wheel."""
    return (checkout_root() or _PACKAGE / "_assets").joinpath(*parts)


def find_home(start: Path | None = None) -> Home:
    """The nearest folder upwards with an installation, or that is our checkout, else `start`.

    `.sharedstate/` alone is none: hooks of coding harnesses note their failures there.
    """
    start = (start or Path.cwd()).resolve()
    root = checkout_root()
    for folder in (start, *start.parents):
        # Not past the checkout: what lies above it was made for something else.
        home = Home(folder)
        if home.keys_file.is_file() or home.data.is_dir() or folder == root:
            return home
    return Home(start)
