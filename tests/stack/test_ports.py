"""Ports that are taken, wanted or found."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

import pytest
from tests.stack.installation import Installation

from sharedstate_ops.stack import PortTaken, Stack, StackError, ports, processes
from sharedstate_ops.stack.state import StackState


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody, here this process, listens."""
    with socket.create_server((processes.HOST, 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("option", ["--db-port", "--api-port"])
def test_a_taken_port_is_a_clear_error_that_says_what_to_do(
    new_installation: Installation, taken_port: int, option: str
) -> None:
    ports = {
        "--db-port": str(new_installation.ports[0]),
        "--api-port": str(new_installation.ports[1]),
        option: str(taken_port),
    }
    answer = new_installation.run("up", *(word for item in ports.items() for word in item))
    assert answer.returncode == 1
    assert f"port {taken_port} of 127.0.0.1" in answer.stderr
    assert "is taken by" in answer.stderr
    assert f"(process {os.getpid()})" in answer.stderr
    assert f"choose another port with {option}." in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (new_installation.root / ".sharedstate/postgres").exists()


def test_a_port_for_root_alone_is_not_called_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_socket: socket.socket, _address: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(socket.socket, "bind", forbidden)
    with pytest.raises(StackError) as caught:
        ports.check(StackState(), (), {"postgres": 5432, "nginx": 80})
    assert not isinstance(caught.value, PortTaken)
    assert caught.value.message == (
        "port 5432 of 127.0.0.1, wanted for the database, cannot be had: Permission denied."
    )
    with pytest.raises(StackError) as caught:
        ports.check(StackState(), (), {"nginx": 80})
    assert "is taken" not in caught.value.message
    assert caught.value.hint == ("Ports below 1024 are for root. Choose another with --api-port.")


def test_another_port_for_a_running_stack_is_refused(shared_installation: Installation) -> None:
    wanted = processes.free_port()
    answer = shared_installation.run("up", "--api-port", str(wanted))
    assert answer.returncode == 1
    assert f"already runs with the API on port {shared_installation.ports[1]}" in answer.stderr
    assert "sharedstate down" in answer.stderr


def test_up_without_options_finds_a_stack_on_other_ports(
    shared_installation: Installation,
) -> None:
    answer = shared_installation.run("up")
    assert answer.returncode == 0, answer.stderr
    assert "already running" in answer.stdout
    assert f":{shared_installation.ports[1]}/" in answer.stdout


def test_a_killed_part_comes_back_on_its_port_though_nobody_names_it(
    shared_installation: Installation,
) -> None:
    shared_installation.kill("nginx")
    shared_installation.kill("postgres")
    answer = shared_installation.run("up")
    assert answer.returncode == 0, answer.stderr
    assert shared_installation.part("nginx").port == shared_installation.ports[1]
    assert shared_installation.part("postgres").port == shared_installation.ports[0]


def test_an_explicit_port_is_never_replaced(installation: Installation, taken_port: int) -> None:
    with pytest.raises(PortTaken):
        Stack(installation.root, db_port=taken_port, api_port=None).up()
    with pytest.raises(StackError, match="not running"):
        _ = Stack(installation.root).info


@pytest.mark.parametrize("ending", ["down", "kill"])
def test_ports_that_were_chosen_once_are_chosen_again(
    installation: Installation, ending: str
) -> None:
    installation.up()
    if ending == "down":
        installation.run("down")
    else:
        for part in ("nginx", "postgrest", "postgres"):
            installation.kill(part)
    again = installation.run("up")
    assert again.returncode == 0, again.stderr
    assert (installation.part("postgres").port, installation.part("nginx").port) == (
        installation.ports
    )


def test_a_port_that_could_not_be_had_is_not_remembered(
    installation: Installation, taken_port: int
) -> None:
    installation.up()
    installation.run("down")
    assert installation.run("up", "--api-port", str(taken_port)).returncode == 1
    again = installation.run("up")
    assert again.returncode == 0, again.stderr
    assert installation.part("nginx").port == installation.ports[1]


def test_a_port_named_later_wins_and_is_remembered_with_the_other_one(
    installation: Installation,
) -> None:
    installation.up()
    installation.run("down")
    api_port = processes.free_port(installation.ports)
    assert installation.run("up", "--api-port", str(api_port)).returncode == 0
    installation.run("down")
    assert installation.run("up").returncode == 0
    ports = installation.part("postgres").port, installation.part("nginx").port
    assert ports == (installation.ports[0], api_port)


def test_a_remembered_port_that_is_taken_meanwhile_is_not_replaced_in_silence(
    installation: Installation,
) -> None:
    installation.up()
    installation.run("down")
    with socket.create_server((processes.HOST, installation.ports[1])):
        answer = installation.run("up")
    assert answer.returncode == 1
    assert f"port {installation.ports[1]} of 127.0.0.1" in answer.stderr
    assert "--api-port" in answer.stderr


def test_no_test_may_leave_a_port_to_its_default(installation: Installation) -> None:
    port = str(installation.ports[0])
    for options in ((), ("--db-port", port), ("--api-port", port)):
        with pytest.raises(AssertionError, match="default port"):
            installation.run("up", *options)
    assert not (installation.root / ".sharedstate").exists()


def test_one_port_for_both_is_refused(installation: Installation) -> None:
    port = str(installation.ports[0])
    answer = installation.run("up", "--db-port", port, "--api-port", port)
    assert answer.returncode == 1
    assert f"port {port} is wanted for both" in answer.stderr
