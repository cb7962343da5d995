"""`sharedstate demo`: a fresh workspace, the job's exit code, and on which stack."""

from __future__ import annotations

import re
import shlex
import signal
import socket
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.stack.demos import Demo
from tests.stack.installation import Installation

from sharedstate_ops.env_file import environment
from sharedstate_ops.stack import Stack, processes
from sharedstate_ops.stack.keys import make_token


def test_without_a_running_stack_it_starts_one_and_what_it_says_at_the_end_is_true(
    installation: Installation,
) -> None:
    installation.choose_ports()
    answer = installation.run("demo", timeout=180)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "designing in workspace humanoid-1 of the embedded stack" in answer.stdout
    assert _ports(installation) == installation.ports
    query, report, stop = re.findall("^  sharedstate (.*)", answer.stdout, re.MULTILINE)
    assert "skeleton" in installation.run(*shlex.split(query)).stdout
    assert "design_complete" in installation.run(*shlex.split(report)).stdout
    up = installation.run("up")
    assert "humanoid-1  7 of 7 subsystems complete, 0 open conflicts" in up.stdout
    assert stop == "down"
    assert installation.run(stop).returncode == 0
    assert not Stack(installation.root).living()


def test_where_its_ports_are_taken_it_takes_free_ones(installation: Installation) -> None:
    installation.choose_ports()
    with socket.create_server((processes.HOST, installation.ports[1])), Demo(installation) as demo:
        demo.await_design()
        assert installation.ports[1] not in _ports(installation)
        assert demo.interrupt() != 0


def test_it_designs_in_the_stack_of_the_env_file_when_that_answers(
    shared_installation: Installation, installation: Installation
) -> None:
    info = Stack(shared_installation.root).info
    values = {name: value for name, value in environment(info).items() if "SERVICE" not in name}
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    (installation.root / ".env").write_text(lines)
    installation.choose_ports()
    answer = installation.run("demo", "--workspace", "from-elsewhere", timeout=180)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"from-elsewhere of {installation.root / '.env'}" in answer.stdout
    assert not Stack(installation.root).living()
    assert "from-elsewhere  7 of 7" in shared_installation.run("status").stdout
    # Nothing of the embedded stack, which would be another one.
    query, _ = re.findall("^  sharedstate (.*)", answer.stdout, re.MULTILINE)
    assert "skeleton" in installation.run(*shlex.split(query)).stdout


def test_an_env_file_with_a_database_and_no_api_is_a_clear_error(
    shared_installation: Installation, installation: Installation
) -> None:
    info = Stack(shared_installation.root).info
    (installation.root / ".env").write_text(f"DATABASE_URL={info.database_url}\n")
    installation.choose_ports()
    answer = installation.run("demo")
    assert answer.returncode == 1
    assert "Set SUPABASE_URL and SUPABASE_KEY there too." in answer.stderr


def test_on_a_running_stack_it_takes_a_new_workspace_and_passes_on_the_exit_code(
    shared_installation: Installation,
) -> None:
    shared_installation.run("init", "--workspace", "humanoid-1")
    with Demo(shared_installation).await_design() as demo:
        assert demo.workspace == "humanoid-2"
        # The job ends with 1 when one of its agents was killed.
        _agent_of(demo).kill()
        assert demo.wait() == 1
    assert shared_installation.run("status").returncode == 0


def _agent_of(demo: Demo) -> psutil.Process:
    """One of its agents, as soon as there is one."""
    while True:
        for process in psutil.Process(demo.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if any("humanoid.agents." in argument for argument in process.cmdline()):
                    return process


def test_bad_requirements_are_refused_before_anything_is_started_or_made(
    new_installation: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "wishes.json"
    path.write_text("[" * 100_000)
    new_installation.choose_ports()
    answer = new_installation.run("demo", "--requirements", str(path))
    assert (answer.returncode, answer.stdout) == (2, "")
    assert str(path) in answer.stderr
    assert not new_installation.root.joinpath(".sharedstate", "keys.json").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_when_it_is_interrupted_its_agents_end_and_the_stack_goes_on(
    shared_installation: Installation, sent: signal.Signals
) -> None:
    with Demo(shared_installation).await_design() as demo:
        agents = psutil.Process(demo.process.pid).children(recursive=True)
        assert agents
        assert demo.interrupt(sent) != 0
    assert not any(processes.lives(process) for process in agents)
    assert shared_installation.run("status").returncode == 0


def test_a_token_for_another_server_does_not_reach_the_agents(
    shared_installation: Installation,
) -> None:
    token = {"SHAREDSTATE_TOKEN": make_token("x" * 40, "authenticated")}
    elsewhere = Installation(shared_installation.root, environment=token)
    answer = elsewhere.run("demo", timeout=180)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def _ports(installation: Installation) -> tuple[int, int]:
    return installation.part("postgres").port, installation.part("nginx").port


def test_demos_started_in_the_same_moment_take_a_workspace_each(
    installation: Installation,
) -> None:
    installation.choose_ports()
    with Demo(installation) as first, Demo(installation) as second:
        names = {demo.await_design().workspace for demo in (first, second)}
        for demo in (first, second):
            assert demo.interrupt() != 0
    assert names == {"humanoid-1", "humanoid-2"}
