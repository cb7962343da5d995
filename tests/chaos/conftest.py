"""A stack of its own: these tests kill its parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import migrations_folder

from sharedstate_ops.stack import Stack


@pytest.fixture(scope="session")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack on free ports whose grants are noted down by triggers."""
    running = Stack(
        tmp_path_factory.mktemp("fragile"),
        db_port=None,
        api_port=None,
        migrations_folder=migrations_folder(),
    )
    try:
        running.up()
        with running.database() as connection:
            connection.execute(Path(__file__).with_name("audit.sql").read_bytes())
        yield running
    finally:
        running.down()
