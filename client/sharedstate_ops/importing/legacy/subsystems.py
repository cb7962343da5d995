"""subsystems/NAME/: status.json, requirements.json, interfaces.json and the designs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from sharedstate_ops.importing.legacy.fields import Fields, name_fault, present, utc
from sharedstate_ops.importing.legacy.files import Source
from sharedstate_ops.importing.strict_json import Parsed, faults, plain

ARCHITECT = "system_architect"
AMOUNTS = ("current_mass_kg", "current_cost_usd", "current_power_w")
TIMES = ("timestamp", "updated_at", "last_updated", "created_at", "generated_at")


class Document(NamedTuple):
    """A requirements, interfaces or design file that can be imported whole."""

    path: Path
    content: dict[str, Any]
    created_at: str | None
    line: int


def read_subsystems(source: Source) -> None:
    """Adds status and documents of every folder below subsystems/."""
    for folder in source.children(source.layout.state / "subsystems"):
        if not source.is_folder(folder):
            if folder.is_file():
                source.reading.note(source.label(folder), "is not part of the layout, not imported")
            continue
        if reason := name_fault(folder.name):
            source.reading.problem(source.label(folder), None, f"{reason}; the folder is left out")
            continue
        _read_folder(source, folder)


def _read_folder(source: Source, folder: Path) -> None:
    name = folder.name
    status = folder / "status.json"
    known = {status}
    if source.exists(status):
        _status(source, status, name)
    for kind, author in (("requirements", ARCHITECT), ("interfaces", name)):
        path = folder / f"{kind}.json"
        known.add(path)
        document = _document(source, path) if source.exists(path) else None
        if document is not None:
            _add_document(source, f"subsystem_{kind}", name, kind, author, document)
    designs = [path for path in source.children(folder) if re.search("design.*[.]json$", path.name)]
    _designs(source, name, designs)
    for path in source.children(folder):
        if path not in known and path not in designs:
            source.reading.note(source.label(path), "is not part of the layout, not imported")


def _status(source: Source, path: Path, name: str) -> None:
    parsed = source.json_object(path)
    if parsed is None:
        return
    fields = Fields.of(source.reading, source.label(path), parsed.root)
    written = fields.text("name", 128)
    if written not in (None, name):
        fields.refuse("name", f"is {written!r} in the folder of {name}")
    updated_at = fields.time("timestamp", "updated_at", "last_updated")
    created_at = fields.time("created_at")
    entry = present(
        name=name,
        state=fields.text("state", 200, one_line=True),
        **{key: fields.number(key) for key in AMOUNTS},
        within_budget=fields.flag("within_budget"),
        iteration=fields.integer("iteration"),
        version=fields.integer("version", low=1),
        last_execution_id=fields.name("last_execution_id", "execution_id"),
        created_at=created_at or updated_at,
        updated_at=updated_at or created_at,
    )
    entry["metadata"] = (fields.mapping("metadata") or {}) | fields.rest()
    source.reading.add("subsystems", entry, source.label(path), parsed.root.line)


def _document(source: Source, path: Path) -> Document | None:
    """A document is all or nothing: without one value a design means something else."""
    parsed = source.json_object(path)
    if parsed is None:
        return None
    wrong = list(faults(parsed.root))
    for where, line, reason in wrong:
        whole = "the whole document is left out"
        source.reading.problem(source.label(path), line, f"{where}: {reason}; {whole}")
    if wrong:
        return None
    return Document(path, plain(parsed.root), _time_of(source, path, parsed), parsed.root.line)


def _time_of(source: Source, path: Path, parsed: Parsed) -> str | None:
    """The document's own time. The document itself is kept as it is, so nothing is taken out."""
    for key in TIMES:
        node = parsed.root.value.get(key)
        if node is None or not isinstance(node.value, str):
            continue
        try:
            return utc(node.value)
        except ValueError as error:
            kept = "kept in the document, the time of import counts"
            source.reading.note(source.label(path), f"line {node.line}: {key}: {error}; {kept}")
    return None


def _designs(source: Source, name: str, paths: list[Path]) -> None:
    found = [document for path in paths if (document := _document(source, path)) is not None]
    found.sort(key=_design_order)
    for document in found:
        _add_document(source, "subsystem_designs", name, "design_data", name, document)
    if len(found) > 1:
        order = ", ".join(document.path.name for document in found)
        text = f"{len(found)} designs become versions in this order: {order}"
        source.reading.note(source.label(found[0].path.parent), text)


def _design_order(document: Document) -> tuple[int, str, list[tuple[int, str]]]:
    """By time; those without one come first, except design.json, which is the current design."""
    rank = 1 if document.created_at else 2 if document.path.name == "design.json" else 0
    # design_v10 comes after design_v9.
    parts = re.findall(r"[0-9]+|[^0-9]+", document.path.name)
    natural = [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
    return rank, document.created_at or "", natural


def _add_document(
    source: Source, section: str, name: str, column: str, author: str, document: Document
) -> None:
    written = document.content.get("created_by")
    usable = isinstance(written, str) and name_fault(written) is None
    entry = present(
        subsystem_name=name,
        created_by=written if usable else author,
        created_at=document.created_at,
    )
    entry[column] = document.content
    source.reading.add(section, entry, source.label(document.path), document.line)
