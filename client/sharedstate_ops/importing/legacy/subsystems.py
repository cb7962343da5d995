"""subsystems/NAME/: status.json, requirements.json, interfaces.json and the designs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from sharedstate.config import name_fault
from sharedstate_ops.importing.legacy.fields import Fields, utc
from sharedstate_ops.importing.legacy.files import Source

ARCHITECT = "system_architect"
COLUMNS = (
    "state",
    "current_mass_kg",
    "current_cost_usd",
    "current_power_w",
    "within_budget",
    "iteration",
    "version",
)
TIMES = ("timestamp", "updated_at", "last_updated", "created_at", "generated_at")


class Document(NamedTuple):
    """A requirements, interfaces or design file. It is kept as it is."""

    path: Path
    content: dict[str, Any]
    created_at: str | None


def read_subsystems(source: Source) -> None:
    """Adds status and documents of every folder below subsystems/."""
    for folder in source.children(source.state / "subsystems"):
        place = source.place(folder)
        if folder.is_file():
            source.pass_over(folder)
        elif not folder.is_dir():
            source.reading.problem(place, "cannot be read: it is neither a folder nor a file")
        elif reason := name_fault(folder.name):
            source.reading.problem(place, f"is no name: it {reason}")
        else:
            _read_folder(source, folder)


def _read_folder(source: Source, folder: Path) -> None:
    _read_status(source, folder / "status.json")
    for kind, author in (("requirements", ARCHITECT), ("interfaces", folder.name)):
        for document in _documents(source, [folder / f"{kind}.json"]):
            _add(source, document, f"subsystem_{kind}", kind, author)
    others = [
        path
        for path in source.children(folder)
        if path.name not in ("status.json", "requirements.json", "interfaces.json")
    ]
    paths = [path for path in others if re.search("design.*[.]json$", path.name)]
    designs = sorted(_documents(source, paths), key=_design_order)
    for design in designs:
        _add(source, design, "subsystem_designs", "design_data", folder.name)
    if len(designs) > 1:
        order = ", ".join(design.path.name for design in designs)
        text = f"{len(designs)} designs become versions in this order: {order}"
        source.reading.note(source.place(folder), text)
    for path in others:
        if path not in paths:
            source.pass_over(path)


def _read_status(source: Source, path: Path) -> None:
    values = source.json_object(path)
    if values is None:
        return
    name = path.parent.name
    fields = Fields(values, source.place(path), source.reading)
    if (written := fields.take("name", default=name)) != name:
        fields.refuse("name", f"is {written!r} in the folder of {name}")
    updated_at = fields.time("timestamp", "updated_at", "last_updated")
    created_at = fields.time("created_at")
    entry = {
        "name": name,
        **{column: fields.take(column) for column in COLUMNS},
        "last_execution_id": fields.take("last_execution_id", "execution_id"),
        "created_at": created_at or updated_at,
        "updated_at": updated_at or created_at,
    }
    fields.add("subsystems", {**entry, "metadata": fields.mapping("metadata") | fields.rest})


def _documents(source: Source, paths: list[Path]) -> list[Document]:
    found = ((path, source.json_object(path)) for path in paths)
    return [
        Document(path, content, _time_of(source, path, content))
        for path, content in found
        if content is not None
    ]


def _time_of(source: Source, path: Path, content: dict[str, Any]) -> str | None:
    """The document's own time."""
    for key in TIMES:
        if content.get(key) is not None:
            try:
                return utc(content[key])
            except ValueError as error:
                kept = "kept in the document, the time of import counts"
                source.reading.note(source.place(path).at(key), f"{error}; {kept}")
    return None


def _design_order(document: Document) -> tuple[int, str, list[tuple[int, str]]]:
    """By time; those without one come first, except design.json, which is the current design."""
    rank = 1 if document.created_at else 2 if document.path.name == "design.json" else 0
    # design_v10 comes after design_v9.
    parts = re.findall(r"[0-9]+|[^0-9]+", document.path.name)
    natural = [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
    return rank, document.created_at or "", natural


def _add(source: Source, document: Document, section: str, column: str, author: str) -> None:
    written = document.content.get("created_by")
    entry: dict[str, Any] = {
        "subsystem_name": document.path.parent.name,
        "created_by": author if name_fault(written) else written,
        column: document.content,
    }
    if document.created_at:
        entry["created_at"] = document.created_at
    source.reading.add(section, entry, source.place(document.path))
