"""Finding and reading the files of a source. Nothing is written; what fails is reported."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from sharedstate_ops.importing import SourceError
from sharedstate_ops.importing.exact_json import JsonError, parse
from sharedstate_ops.importing.reading import Place, Reading
from sharedstate_ops.printable import printable

PARTS = ("constraints", "subsystems", "conflicts", "logs")


class Source:
    """The files of one source. Every failure to read one becomes a problem of the reading."""

    def __init__(self, folder: Path, reading: Reading) -> None:
        """Accepts the folder that holds `shared_state/`, or `shared_state` itself."""
        # Not resolved: a link to shared_state/ stays where its user sees it.
        folder = folder.absolute()
        if not folder.is_dir():
            raise SourceError(f"{folder} {'is no folder' if folder.exists() else 'does not exist'}")
        self.reading = reading
        # The customer's requirements lie beside shared_state, so that both ways of naming the
        # source give the same import.
        self.state = folder
        is_whole = (folder / "shared_state").is_dir()
        self.base = folder if is_whole or (folder / "config").is_dir() else folder.parent
        self.config = self.base / "config"
        if is_whole:
            self.state = folder / "shared_state"
        elif not any((folder / part).is_dir() for part in PARTS):
            parts = ", ".join(f"{part}/" for part in PARTS)
            raise SourceError(
                f"{folder} holds no design: expected shared_state/ in it, or one of {parts}"
            )

    def place(self, path: Path) -> Place:
        """Where a file is, for reports: relative to the source, always printable."""
        relative = os.path.relpath(path, self.base)
        return Place(printable(os.fsencode(relative).decode("utf-8", "backslashreplace")))

    def children(self, folder: Path) -> list[Path]:
        """What a folder holds, by name; hidden files are passed over, a missing folder is empty."""
        try:
            found = sorted(folder.iterdir()) if os.path.lexists(folder) else []
            return [path for path in found if not path.name.startswith(".")]
        except OSError as error:
            self.reading.problem(self.place(folder), f"cannot be read: {error.strerror or error}")
            return []

    def pass_over(self, path: Path) -> None:
        """Say that a file is nothing of a design."""
        self.reading.note(self.place(path), "is not part of the layout, not imported")

    def read(self, path: Path) -> bytes | None:
        """What a file holds, or None after reporting; a missing file is simply None."""
        try:
            return path.read_bytes() if os.path.lexists(path) else None
        except OSError as error:
            self.reading.problem(self.place(path), f"cannot be read: {error.strerror or error}")
            return None

    def json_object(self, path: Path) -> dict[str, Any] | None:
        """The object in a JSON file, or None after reporting; a missing file is simply None."""
        data = self.read(path)
        if data is None:
            return None
        place = self.place(path)
        try:
            found = parse(data)
        except JsonError as error:
            self.reading.problem(replace(place, line=error.line), error.reason)
            return None
        if isinstance(found, dict):
            return found
        self.reading.problem(place, "must hold a JSON object")
        return None
