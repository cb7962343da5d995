"""What `sharedstate export` writes and `sharedstate init --from` reads: one entry a line."""

from __future__ import annotations

import codecs
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from sharedstate_ops.importing.document import COUNTERS, FORMAT, HEAD, SECTIONS
from sharedstate_ops.importing.reading import Reading, SourceError, not_utf8
from sharedstate_ops.importing.strict_json import (
    JsonError,
    Parsed,
    encode,
    faults,
    plain,
    repeated,
    sections,
)


def read_export(path: Path) -> Reading:
    """The entries of an export file, each with its line.

    An entry that cannot be stored is a problem; SourceError when the file is no export at all.
    """
    text = _text(path)
    reading = Reading(files=1)
    found_format: Any = None
    members: dict[str, int] = {}
    try:
        for key, index, parsed, value, line in sections(text):
            if index < 0:
                if key in members:
                    reading.problem(path.name, members[key], repeated(key, line), key)
                members[key] = line
            content = value if parsed is None else _usable(reading, path.name, key, parsed)
            if key == "format":
                found_format = content
            elif content is not None or parsed is None:
                _take(reading, path.name, key, index, content, line)
    except JsonError as error:
        raise SourceError(f"{path}:{error.line}: {error.reason}") from error
    if found_format != FORMAT:
        raise SourceError(f'{path} is no export: expected "format": "{FORMAT}" in it')
    return reading


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} {not_utf8(data, error)}") from error


def _usable(reading: Reading, file: str, key: str, parsed: Parsed) -> Any:
    """The plain value of what was looked at closely; None after reporting its faults."""
    for line, reason in parsed.hidden:
        reading.problem(file, line, reason, key)
    wrong = list(faults(parsed.root))
    for where, line, reason in wrong:
        place = f"{where}: " if where else ""
        reading.problem(file, line, f"{place}{reason}; the entry is left out", key)
    return None if wrong else plain(parsed.root)


def _take(reading: Reading, file: str, key: str, index: int, content: Any, line: int) -> None:
    if key in HEAD:
        return
    if key == COUNTERS and index < 0 and isinstance(content, dict):
        reading.counters = content
    elif key in SECTIONS and index >= 0 and isinstance(content, dict):
        reading.add(key, content, file, line)
    elif key in SECTIONS or key == COUNTERS:
        wanted = "a list of objects" if key in SECTIONS else "an object"
        place = f"{key}[{index}]" if index >= 0 else key
        reading.problem(file, line, f"{place}: {key} must be {wanted}; left out", key)
    else:
        reading.problem(file, line, f"{key!r} is no section of an export; left out")


def lines(document: dict[str, Any]) -> Iterator[str]:
    """The document as text: one entry a line, so that two exports can be compared by diff."""
    opening = "{"
    for key, value in document.items():
        yield f"{opening}\n{encode(key)}: "
        opening = ","
        if isinstance(value, list) and value:
            yield "[\n"
            for number, entry in enumerate(value):
                yield (",\n" if number else "") + encode(entry)
            yield "\n]"
        else:
            yield encode(value)
    yield "\n}\n"


def write_export(document: dict[str, Any], target: Path | TextIO) -> None:
    """Write the document to a stream, or to a file that is complete or not there at all."""
    if not isinstance(target, Path):
        target.writelines(lines(document))
        return
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.writelines(lines(document))
            # mkstemp is private; an export is an ordinary file of its user.
            os.fchmod(stream.fileno(), 0o666 & ~_umask())
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
