"""Opening files of a source for reading only, and finding them; what cannot be read is reported."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sharedstate_ops.importing.reading import Reading, SourceError, not_utf8
from sharedstate_ops.importing.strict_json import JsonError, Parsed, parse

MAX_JSON_BYTES = 64 * 1024 * 1024
PARTS = ("constraints", "subsystems", "conflicts", "logs")


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
    """The files of one source. Never writes; every failure becomes a problem of the reading."""

    def __init__(self, layout: Layout, reading: Reading) -> None:
        self.layout = layout
        self.reading = reading

    def label(self, path: Path) -> str:
        """Path for reports, relative to the source, always printable."""
        relative = os.path.relpath(path, self.layout.base)
        readable = os.fsencode(relative).decode("utf-8", "backslashreplace")
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in readable)

    def children(self, folder: Path) -> list[Path]:
        """What a folder holds, by name; hidden files are passed over, a missing folder is empty."""
        try:
            found = sorted(folder.iterdir())
        except FileNotFoundError:
            if os.path.lexists(folder):
                self._fail(folder, "is a link to nothing")
            return []
        except NotADirectoryError:
            self._fail(folder, "is a file where a folder was expected")
            return []
        except OSError as error:
            self._fail(folder, _reason(error))
            return []
        return [path for path in found if not path.name.startswith(".")]

    def exists(self, path: Path) -> bool:
        """Whether there is anything of that name, even a broken link."""
        return os.path.lexists(path)

    def is_folder(self, path: Path) -> bool:
        """Whether it is a folder; loops of links are reported."""
        try:
            return stat.S_ISDIR(path.stat().st_mode)
        except OSError as error:
            self._fail(path, _reason(error))
            return False

    def open(self, path: Path) -> BinaryIO | None:
        """An ordinary file opened for reading, or None after reporting why not."""
        try:
            # Judged before opening: opening a pipe would wait for its writer for ever.
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                self._fail(path, "is a folder where a file was expected")
            elif not stat.S_ISREG(mode):
                self._fail(path, "is no ordinary file")
            else:
                self.reading.files += 1
                return path.open("rb")
        except OSError as error:
            self._fail(path, _reason(error))
        return None

    def json(self, path: Path) -> Parsed | None:
        """The file's JSON value, or None after reporting; a missing file is simply None."""
        text = self._text(path) if self.exists(path) else None
        if text is None:
            return None
        try:
            parsed = parse(text)
        except JsonError as error:
            self.reading.problem(self.label(path), error.line, f"{error.reason}; left out")
            return None
        for line, reason in parsed.hidden:
            self.reading.problem(self.label(path), line, reason)
        return parsed

    def json_object(self, path: Path) -> Parsed | None:
        """Like `json`, and the value is an object."""
        parsed = self.json(path)
        if parsed is None or isinstance(parsed.root.value, dict):
            return parsed
        found = "a list" if isinstance(parsed.root.value, list) else "a single value"
        reason = f"must hold a JSON object, found {found}; left out"
        self.reading.problem(self.label(path), parsed.root.line, reason)
        return None

    def lines(self, path: Path) -> Iterator[tuple[int, bytes]]:
        """(number, bytes) of the lines that are not blank."""
        stream = self.open(path)
        if stream is None:
            return
        with stream:
            number = 0
            try:
                for number, raw in enumerate(stream, 1):
                    line = raw if number > 1 else self._without_mark(path, raw)
                    if line := line.strip(b" \t\r\n"):
                        yield number, line
            except OSError as error:
                self.reading.problem(self.label(path), number + 1, f"{_reason(error)}; left out")

    def _text(self, path: Path) -> str | None:
        stream = self.open(path)
        if stream is None:
            return None
        try:
            with stream:
                data = stream.read(MAX_JSON_BYTES + 1)
        except OSError as error:
            self._fail(path, _reason(error))
            return None
        if len(data) > MAX_JSON_BYTES:
            self._fail(path, f"is larger than {MAX_JSON_BYTES // 1024**2} MB")
            return None
        data = self._without_mark(path, data)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.reading.problem(self.label(path), line, f"{not_utf8(data, error)}; left out")
            return None

    def _without_mark(self, path: Path, data: bytes) -> bytes:
        if data.startswith(codecs.BOM_UTF8):
            self.reading.note(self.label(path), "begins with a byte order mark, which was skipped")
            return data[len(codecs.BOM_UTF8) :]
        return data

    def _fail(self, path: Path, reason: str) -> None:
        self.reading.problem(self.label(path), None, f"{reason}; left out")


def _reason(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
