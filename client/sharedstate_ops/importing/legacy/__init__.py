"""Reads a design as the older, file-based system left it on disk. Nothing here writes."""

from __future__ import annotations

from pathlib import Path

from sharedstate_ops.importing import SourceError
from sharedstate_ops.importing.legacy.conflicts import read_conflicts
from sharedstate_ops.importing.legacy.constraints import read_constraints
from sharedstate_ops.importing.legacy.files import PARTS, Source
from sharedstate_ops.importing.legacy.logs import read_logs
from sharedstate_ops.importing.legacy.subsystems import read_subsystems
from sharedstate_ops.importing.reading import Reading

__all__ = ["read_design"]


def read_design(folder: Path) -> Reading:
    """Everything that `folder` holds, and a problem for everything that had to be left out.

    `folder` holds `shared_state/` and perhaps `config/`, or is `shared_state` itself. Raises
    SourceError when there is no design at all.
    """
    reading = Reading()
    source = Source(folder, reading)
    read_constraints(source)
    read_subsystems(source)
    read_conflicts(source)
    read_logs(source)
    for other in source.children(source.state):
        if other.name not in (*PARTS, "config"):
            source.pass_over(other)
    if not reading.entries and not reading.problems:
        raise SourceError(f"{folder} holds no file of a design")
    return reading
