"""The exchange document: a workspace as JSON, which `export` writes and `init --from` reads.

The database makes it by `export_state`, and takes it by `import_state`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

from sharedstate_ops.importing import SourceError
from sharedstate_ops.importing.exact_json import JsonError, encode, parse
from sharedstate_ops.importing.reading import Place, Reading
from sharedstate_ops.stack.files import write_private

FORMAT = "sharedstate/1"
# Lists of entries, in the order of import: what others refer to comes first.
SECTIONS = (
    "global_constraints",
    "subsystems",
    "subsystem_requirements",
    "subsystem_interfaces",
    "subsystem_designs",
    "document_dependencies",
    "conflicts",
    "agent_activity_logs",
)
# One object, imported after them: it looks at everything before it.
COUNTERS = "counters"
# What a document says of itself.
HEAD = ("format", "workspace", "exported_at")


class ImportCount(TypedDict):
    """How many entries of one section of a document were imported, unchanged or refused."""

    section: str
    imported: int
    unchanged: int
    refused: int


def read_export(path: Path) -> Reading:
    """The entries of an export file, each with its place; SourceError when it is no export."""
    document = _parsed(path)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SourceError(f'{path} is no export: expected "format": "{FORMAT}" in it')
    reading = Reading()
    for key, content in document.items():
        place = Place(path.name).at(key)
        if key in SECTIONS and isinstance(content, list):
            for number, entry in enumerate(content):
                if isinstance(entry, dict):
                    reading.add(key, entry, place.at(number))
                else:
                    reading.problem(place.at(number), "must be an object")
        elif key == COUNTERS and isinstance(content, dict):
            reading.counters = content
        elif key not in HEAD:
            reading.problem(place, "is no section of an export")
    return reading


def _parsed(path: Path) -> Any:
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    except JsonError as error:
        raise SourceError(f"{Place(str(path), error.line)}: {error}") from error


def lines(document: dict[str, Any]) -> Iterator[str]:
    """The document as text: one entry a line, so that two exports can be compared by diff."""
    # jsonb has an order of its own; people read what it is before 100,000 lines of log.
    first = (*HEAD, COUNTERS, *SECTIONS)
    document = {key: document[key] for key in first if key in document} | document
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


def write_export(document: dict[str, Any], path: Path) -> None:
    """Write the document to a file that is complete or not there at all."""
    write_private(path, "".join(lines(document)))
