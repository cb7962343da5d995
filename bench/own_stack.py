"""A stack of a benchmark's own: on free ports, with data in a temporary folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sharedstate_ops.stack import Stack
from sharedstate_ops.stack.errors import Progress, silent


@contextmanager
def own_stack(progress: Progress = silent) -> Iterator[Stack]:
    """Start it, and stop it at the end; its data goes with it. `progress` is told each step."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            stack.up(progress=progress)
            yield stack
        finally:
            stack.down()
