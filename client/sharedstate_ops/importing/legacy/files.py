"""Finding and reading the files of a source. Nothing is written; what fails is reported."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sharedstate_ops.importing.exact_json import JsonError, parse, printable
from sharedstate_ops.importing.legacy.fields import kind
from sharedstate_ops.importing.reading import Place, Reading, SourceError

PARTS = ("constraints", "subsystems", "conflicts", "logs")
_SECTION_OF_FILE = (
    (r"(^|/)(constraints|config)(/|$)", "global_constraints"),
    (r"(^|/)conflicts(/|$)", "conflicts"),
    (r"(^|/)logs(/|$)", "agent_activity_logs"),
    (r"(^|/)requirements[.]json$", "subsystem_requirements"),
    (r"(^|/)interfaces[.]json$", "subsystem_interfaces"),
    (r"design[^/]*[.]json$", "subsystem_designs"),
    (r"(^|/)subsystems(/|$)", "subsystems"),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the folders of an old design are; paths in reports are relative to `base`."""

    base: Path
    state: Path
    config: Path


def find_layout(source: Path) -> Layout:
    """Accepts the folder that holds `shared_state/`, or `shared_state` itself."""
    # Not resolved: a link to shared_state/ stays where its user sees it.
    source = source.absolute()
    if not source.exists():
        raise SourceError(f"{source} does not exist")
    if not source.is_dir():
        raise SourceError(f"{source} is no folder")
    if (source / "shared_state").is_dir():
        return Layout(source, source / "shared_state", source / "config")
    if any((source / part).is_dir() for part in PARTS):
        # The customer's requirements lie beside shared_state, so that both ways of naming the
        # source give the same import.
        inside = source / "config"
        config = inside if inside.is_dir() else source.parent / "config"
        return Layout(source if config == inside else source.parent, source, config)
    raise SourceError(
        f"{source} holds no design: expected shared_state/ in it, or one of "
        + ", ".join(f"{part}/" for part in PARTS)
    )


class Source:
    """The files of one source. Every failure to read one becomes a problem of the reading."""

    def __init__(self, layout: Layout, reading: Reading) -> None:
        self.layout = layout
        self.reading = reading

    def place(self, path: Path) -> Place:
        """Where a file is, for reports: relative to the source, always printable."""
        relative = os.path.relpath(path, self.layout.base)
        label = printable(os.fsencode(relative).decode("utf-8", "backslashreplace"))
        sections = (section for pattern, section in _SECTION_OF_FILE if re.search(pattern, label))
        return Place(label, next(sections, ""))

    def children(self, folder: Path) -> list[Path]:
        """What a folder holds, by name; hidden files are passed over, a missing folder is empty."""
        try:
            found = sorted(folder.iterdir()) if os.path.lexists(folder) else []
        except NotADirectoryError:
            self.reading.problem(self.place(folder), "is a file where a folder was expected")
            return []
        except OSError as error:
            self.reading.problem(self.place(folder), f"cannot be read: {error.strerror or error}")
            return []
        return [path for path in found if not path.name.startswith(".")]

    def pass_over(self, path: Path) -> None:
        """Say that a file is nothing of a design."""
        self.reading.note(self.place(path).file, "is not part of the layout, not imported")

    def read(self, path: Path) -> bytes | None:
        """What an ordinary file holds, or None after reporting; a missing file is simply None."""
        if not os.path.lexists(path):
            return None
        try:
            # Judged before opening: opening a pipe would wait for its writer for ever.
            mode = path.stat().st_mode
            if stat.S_ISREG(mode):
                return path.read_bytes()
            is_folder = stat.S_ISDIR(mode)
            reason = "is a folder where a file was" if is_folder else "is no ordinary file as was"
            self.reading.problem(self.place(path), f"{reason} expected")
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
        self.reading.problem(place, f"must hold a JSON object, found {kind(found)}")
        return None
