"""Old designs to read: the reference one, and ones that a test writes file by file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REFERENCE = Path(__file__).resolve().parents[1] / "fixtures" / "legacy"

# Relative path -> text, bytes, or something to be written as JSON.
Tree = dict[str, Any]
WriteTree = Callable[[Tree], Path]


@pytest.fixture
def reference() -> Path:
    """The reference design, as it is in the repository: read it, never write to it."""
    return REFERENCE


@pytest.fixture
def reference_copy(tmp_path: Path) -> Path:
    """A copy of the reference design to break."""
    return Path(shutil.copytree(REFERENCE, tmp_path / "design"))


@pytest.fixture
def write_tree(tmp_path: Path) -> WriteTree:
    """Writes files below a new folder and returns the folder."""

    def write(tree: Tree) -> Path:
        root = tmp_path / "source"
        for name, content in tree.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif isinstance(content, str):
                path.write_text(content, encoding="utf-8")
            else:
                path.write_text(json.dumps(content), encoding="utf-8")
        return root

    return write
