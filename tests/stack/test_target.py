"""Which database the commands work on, and how they reach it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from tests.stack.installation import Installation

from sharedstate_ops.stack import Stack
from sharedstate_ops.stack.state import StackState, read_state, write_state


def test_every_part_of_an_address_reaches_the_programs_of_postgres(
    shared_installation: Installation, installation: Installation
) -> None:
    address = Stack(shared_installation.root).info.database_url
    # A host that only its number leads to, a setting, and a name.
    address = address.replace("127.0.0.1", "db.invalid") + (
        "?hostaddr=127.0.0.1&options=-c%20statement_timeout%3D7s&application_name=mine"
    )
    installation.environment["DATABASE_URL"] = address
    query = "select current_setting('statement_timeout'), current_setting('application_name')"
    answer = installation.run("psql", "-Atc", query)
    assert answer.stdout == "7s|mine\n", answer.stderr


@pytest.fixture
def whole(shared_installation: Installation) -> Iterator[StackState]:
    """What is written down of the installation; comes back after a test that changed it."""
    path = Stack(shared_installation.root).home.state_file
    state = read_state(path)
    yield state
    write_state(path, state)


def _write_down(installation: Installation, whole: StackState, *names: str) -> None:
    parts = {name: whole.parts[name] for name in names}
    write_state(Stack(installation.root).home.state_file, StackState(parts))


def test_init_needs_only_the_database_of_a_stack_that_is_being_started(
    shared_installation: Installation, whole: StackState
) -> None:
    _write_down(shared_installation, whole, "postgres")
    answer = shared_installation.run("init", "--workspace", "early")
    assert answer.returncode == 0, answer.stderr
    assert "workspace early is ready" in answer.stdout


def test_init_waits_for_a_database_that_is_not_written_down_yet(
    shared_installation: Installation, whole: StackState
) -> None:
    _write_down(shared_installation, whole, "nginx")
    init = shared_installation.start("init", "--workspace", "waited", stderr=subprocess.STDOUT)
    with init:
        assert init.stdout is not None
        assert "waiting for the database of the running stack" in init.stdout.readline()
        _write_down(shared_installation, whole, "postgres", "nginx")
        said = init.stdout.read()
    assert init.returncode == 0, said
    assert "workspace waited is ready" in said


def test_psql_does_not_wait_for_a_database_that_is_not_written_down_yet(
    shared_installation: Installation, whole: StackState
) -> None:
    _write_down(shared_installation, whole, "nginx")
    answer = shared_installation.run("psql", "-c", "select 1")
    assert answer.returncode == 1
    assert "it has not been started" in answer.stderr
    assert "`sharedstate up` starts it" in answer.stderr


def test_a_service_of_the_environment_does_not_lead_the_programs_elsewhere_than_the_address(
    shared_installation: Installation, installation: Installation
) -> None:
    services = installation.root / "services"
    services.write_text("[other]\nhost=127.0.0.1\nport=1\n")
    installation.environment |= {
        "DATABASE_URL": Stack(shared_installation.root).info.database_url,
        "PGSERVICEFILE": str(services),
        "PGSERVICE": "other",
    }
    # Our own connection goes by the address.
    assert installation.run("init").returncode == 0
    answer = installation.run("psql", "-Atc", "select 1")
    assert answer.stdout == "1\n", answer.stderr
