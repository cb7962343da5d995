"""Installations of their own for the tests of the stack itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.stack.installation import SCRATCH_MIGRATION, Installation, clean_up

from sharedstate_ops.stack import Stack


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A home of its own, stopped and removed by pid whatever happened."""
    made = Installation(tmp_path / "home")
    made.root.mkdir()
    yield made
    clean_up(made.root)


@pytest.fixture(scope="module")
def shared_installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One running home for the tests of a module that leave it running."""
    made = Installation(tmp_path_factory.mktemp("shared"))
    answer = made.up()
    try:
        assert answer.returncode == 0, answer.stderr
        yield made
    finally:
        clean_up(made.root)


@pytest.fixture
def scratch_stack(tmp_path: Path) -> Iterator[Callable[[], Stack]]:
    """Makes stacks on free ports with a migration of a few lines instead of the real ones."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "20260101000000_create_scratch.sql").write_text(SCRATCH_MIGRATION)
    home = tmp_path / "scratch"
    home.mkdir()
    yield lambda: Stack(home, migrations_folder=folder)
    clean_up(home)
