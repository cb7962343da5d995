"""subsystems/NAME/: status.json, requirements.json, interfaces.json and the designs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from sharedstate.config import name_fault
from sharedstate_ops.importing.legacy import fields as read
from sharedstate_ops.importing.legacy.fields import Fields, present
from sharedstate_ops.importing.legacy.files import Source
from sharedstate_ops.importing.reading import faults_in

ARCHITECT = "system_architect"
AMOUNTS = ("current_mass_kg", "current_cost_usd", "current_power_w")
TIMES = ("timestamp", "updated_at", "last_updated", "created_at", "generated_at")


class Document(NamedTuple):
    """A requirements, interfaces or design file that can be imported whole."""

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
            source.reading.problem(place, f"is no name: it {reason}", "the folder is left out")
        else:
            _read_folder(source, folder)


def _read_folder(source: Source, folder: Path) -> None:
    _read_status(source, folder / "status.json")
    for kind, author in (("requirements", ARCHITECT), ("interfaces", folder.name)):
        for document in _documents(source, [folder / f"{kind}.json"]):
            _add(source, document, kind, author)
    others = [
        path
        for path in source.children(folder)
        if path.name not in ("status.json", "requirements.json", "interfaces.json")
    ]
    paths = [path for path in others if re.search("design.*[.]json$", path.name)]
    designs = sorted(_documents(source, paths), key=_design_order)
    for design in designs:
        _add(source, design, "design_data", folder.name)
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
    fields = Fields(values, source.place(path))
    if fields.take(read.text(128), "name") not in (None, name):
        fields.refuse("name", f"is {values['name']!r} in the folder of {name}")
    updated_at = fields.take(read.time, "timestamp", "updated_at", "last_updated")
    created_at = fields.take(read.time, "created_at")
    entry = present(
        name=name,
        state=fields.take(read.text(200, one_line=True), "state"),
        **{key: fields.take(read.amount, key) for key in AMOUNTS},
        within_budget=fields.take(read.flag, "within_budget"),
        iteration=fields.take(read.whole(), "iteration"),
        version=fields.take(read.whole(low=1), "version"),
        last_execution_id=fields.take(read.name, "last_execution_id", "execution_id"),
        created_at=created_at or updated_at,
        updated_at=updated_at or created_at,
        metadata=(fields.take(read.mapping, "metadata") or {}) | fields.rest(),
    )
    source.reading.leave_out(fields.wrong)
    source.reading.add(entry, fields.place)


def _documents(source: Source, paths: list[Path]) -> list[Document]:
    """A document is all or nothing: without one value a design means something else."""
    found = []
    for path in paths:
        content = source.json_object(path)
        wrong = faults_in(content, source.place(path))
        source.reading.leave_out(wrong, "the whole document is left out")
        if content is not None and not wrong:
            found.append(Document(path, content, _time_of(source, path, content)))
    return found


def _time_of(source: Source, path: Path, content: dict[str, Any]) -> str | None:
    """The document's own time. The document itself is kept as it is, so nothing is taken out."""
    times = Fields({key: content.get(key) for key in TIMES}, source.place(path))
    found = times.take(read.time, *TIMES)
    for place, reason in times.wrong:
        kept = "kept in the document, the time of import counts"
        source.reading.note(place, f"{reason}; {kept}")
    return found


def _design_order(document: Document) -> tuple[int, str, list[tuple[int, str]]]:
    """By time; those without one come first, except design.json, which is the current design."""
    rank = 1 if document.created_at else 2 if document.path.name == "design.json" else 0
    # design_v10 comes after design_v9.
    parts = re.findall(r"[0-9]+|[^0-9]+", document.path.name)
    natural = [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
    return rank, document.created_at or "", natural


def _add(source: Source, document: Document, column: str, author: str) -> None:
    written = document.content.get("created_by")
    entry = present(
        subsystem_name=document.path.parent.name,
        created_by=author if name_fault(written) else written,
        created_at=document.created_at,
        **{column: document.content},
    )
    source.reading.add(entry, source.place(document.path))
