"""Installations of their own for the tests of the stack itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.stack.installation import (
    SCRATCH_MIGRATION,
    Installation,
    clean_up,
    copy_template,
    make_template,
)

from sharedstate_ops.stack import Stack

MakeStack = Callable[[], Stack]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped stack to copy."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def new_installation(tmp_path: Path) -> Iterator[Installation]:
    """A home of its own with nothing in it, stopped by pid whatever happened."""
    made = Installation(tmp_path / "home")
    made.root.mkdir()
    yield made
    clean_up(made.root)


@pytest.fixture
def installation(new_installation: Installation, template: Path) -> Installation:
    """The same for tests of what comes after the first start."""
    new_installation.template = template
    return new_installation


@pytest.fixture(scope="module")
def shared_installation(
    tmp_path_factory: pytest.TempPathFactory, template: Path
) -> Iterator[Installation]:
    """One running home for the tests of a module that leave it running."""
    made = Installation(tmp_path_factory.mktemp("shared"), template=template)
    answer = made.up()
    try:
        assert answer.returncode == 0, answer.stderr
        yield made
    finally:
        clean_up(made.root)


@pytest.fixture(scope="session")
def scratch_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped stack with a migration of a few lines instead of the real ones."""
    root = tmp_path_factory.mktemp("scratch")
    return make_template(root, scratch_migrations(root))


def scratch_migrations(root: Path) -> Path:
    folder = root / "migrations"
    folder.mkdir()
    (folder / "20260101000000_create_scratch.sql").write_text(SCRATCH_MIGRATION)
    return folder


@pytest.fixture
def new_scratch_stack(tmp_path: Path) -> Iterator[MakeStack]:
    """Makes stacks in one home with that migration, on free ports."""
    folder = scratch_migrations(tmp_path)
    home = tmp_path / "scratch"
    home.mkdir()
    yield lambda: Stack(home, migrations_folder=folder)
    clean_up(home)


@pytest.fixture
def scratch_stack(new_scratch_stack: MakeStack, scratch_template: Path) -> MakeStack:
    """The same for tests of what comes after the first start."""
    copy_template(scratch_template, new_scratch_stack().home.root)
    return new_scratch_stack
