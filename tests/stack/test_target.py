"""Which database the commands work on, and how they reach it."""

from __future__ import annotations

import re
import subprocess
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from dotenv import dotenv_values
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from tests.stack.installation import Installation
from tests.stack.passwords import ODD_PASSWORDS

from sharedstate_ops.cli.target import find_target
from sharedstate_ops.stack import Stack, StackError
from sharedstate_ops.stack.keys import read_keys, write_keys
from sharedstate_ops.stack.paths import Home
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


def test_a_password_of_the_env_file_may_hold_any_character(
    shared_installation: Installation, installation: Installation
) -> None:
    stack = Stack(shared_installation.root)
    with psycopg.connect(stack.info.database_url, autocommit=True) as owner:
        owner.execute("create role odd login; grant connect on database agentcad to odd")
        for password in ODD_PASSWORDS:
            owner.execute(sql.SQL("alter role odd password {}").format(password))
            (installation.root / ".env").write_text(
                f"POSTGRES_PASSWORD='{password}'\n"
                "DATABASE_URL=postgresql://odd:${POSTGRES_PASSWORD}@127.0.0.1:"
                f"{stack.info.db_port}/agentcad\n"
            )
            with find_target(Home(installation.root)).connect() as connection:
                assert connection.execute("select current_user").fetchone() == ("odd",)
    answer = installation.run("psql", "-Atc", "select current_user")
    assert answer.stdout == "odd\n", answer.stderr


BROKEN_ADDRESSES = [
    *(f"postgresql://postgres:{password}@127.0.0.1:1/agentcad" for password in ODD_PASSWORDS),
    *("mysql://postgres:first@127.0.0.1:1/agentcad", "host=127.0.0.1 password=first second"),
    *("postgresql://127.0.0.1:1/agentcad?password=first@second", "postgresql://first second"),
]
GOOD_ADDRESSES = [
    "host=127.0.0.1 port=1 user=postgres password='first@second ://third'",
    "postgres://127.0.0.1:1/agentcad?user=postgres&password=first%40second",
    "postgresql://postgres:first%40se:cond@127.0.0.1:1",
]
WORDS = re.compile("first|second|third|fourth|fifth|cond|grüße")


@pytest.mark.parametrize("address", GOOD_ADDRESSES)
def test_an_address_of_each_form_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    variables = find_target(Home(tmp_path)).environment()
    assert (variables["PGHOST"], variables["PGPORT"]) == ("127.0.0.1", "1")
    assert variables["PGPASSWORD"] == conninfo_to_dict(address)["password"]


@pytest.mark.parametrize("address", BROKEN_ADDRESSES)
def test_no_error_about_an_address_shows_a_piece_of_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    target = find_target(Home(tmp_path))
    with pytest.raises(StackError) as caught, target.connect(timeout=0):
        pass
    # With what it was raised from.
    assert not WORDS.search("".join(traceback.format_exception_only(caught.value)))
    assert not WORDS.search(str(caught.value.__cause__))
    with suppress(StackError):
        assert target.environment()["PGHOST"] == "127.0.0.1"


def test_no_command_shows_a_piece_of_a_password(installation: Installation) -> None:
    installation.environment["DATABASE_URL"] = BROKEN_ADDRESSES[0]
    for command in (["init", "--timeout", "0"], ["status"], ["psql", "-c", ""], ["backup", "b"]):
        answer = installation.run(*command)
        said = answer.stdout + answer.stderr
        assert answer.returncode == 1, said
        assert "DATABASE_URL is no address" in said and "%40" in said
        assert not WORDS.search(said) and "Traceback" not in said


def test_a_stack_with_passwords_of_ones_own_works_and_names_an_address_that_does(
    installation: Installation,
) -> None:
    assert installation.up().returncode == 0
    installation.run("down")
    path = Stack(installation.root).home.keys_file
    keys = read_keys(path)
    assert keys is not None
    names = ("supabase_admin_password", "postgres_password", "authenticator_password")
    own = {name: "o'wn @:/?#%$" + name for name in names}
    write_keys(path, replace(keys, **own))
    answer = installation.up()
    assert answer.returncode == 0, answer.stderr
    assert "keys.json: setting new passwords" in answer.stderr
    address = dotenv_values(installation.root / ".env")["DATABASE_URL"]
    assert address
    with psycopg.connect(address) as connection:
        assert connection.info.password == own["postgres_password"]
    info = Stack(installation.root).info
    shown = repr(info) + repr(read_keys(path))
    assert "o'wn" not in shown and "o%27wn" not in shown and info.jwt_secret not in shown


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
