"""The exchange document: a workspace as JSON, which `export_state` writes, `import_state` reads."""

from __future__ import annotations

from typing import TypedDict

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
