"""`sharedstate demo`: a fresh workspace, the job's exit code, and a stack left as it was."""

from __future__ import annotations

import os
import pty
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.stack.demos import SAID, Demo, HeldDesign
from tests.stack.installation import Installation

from sharedstate_ops.stack import Stack, processes
from sharedstate_ops.stack.core import PARTS
from sharedstate_ops.stack.keys import make_token


def test_without_a_running_stack_it_starts_one_and_leaves_only_the_data(
    new_installation: Installation,
) -> None:
    answer = new_installation.run("demo", timeout=180)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "designing in workspace humanoid-1" in answer.stdout
    assert not Stack(new_installation.root).anything_runs()
    assert not (new_installation.root / ".env").exists()
    up = new_installation.up()
    assert "humanoid-1  7 of 7 subsystems complete, 0 open conflicts" in up.stdout


def test_on_a_running_stack_it_takes_a_new_workspace_and_passes_on_the_exit_code(
    shared_installation: Installation,
) -> None:
    shared_installation.run("init", "--workspace", "humanoid-1")
    with start_demo(shared_installation) as demo:
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
    answer = new_installation.run("demo", "--requirements", str(path))
    assert (answer.returncode, answer.stdout) == (2, "")
    assert str(path) in answer.stderr
    assert not new_installation.root.joinpath(".sharedstate").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_when_it_is_interrupted_its_stack_is_stopped_too(
    installation: Installation, sent: signal.Signals
) -> None:
    with start_demo(installation) as demo:
        assert demo.interrupt(sent) != 0
    assert not Stack(installation.root).anything_runs()


def start_demo(installation: Installation) -> Demo:
    """A demo that has come so far that its stack runs, and that does not end by itself."""
    return Demo(installation).await_design()


def test_of_two_demos_at_once_the_first_to_end_leaves_the_stack_to_the_other(
    installation: Installation,
) -> None:
    with start_demo(installation) as first, start_demo(installation) as second:
        assert first.finish() == 0
        assert Stack(installation.root).anything_runs()
        assert second.interrupt() != 0
    assert not Stack(installation.root).anything_runs()


def test_up_during_a_demo_makes_its_stack_stay(installation: Installation) -> None:
    with start_demo(installation) as demo:
        up = installation.run("up")
        assert demo.interrupt() != 0
    assert up.returncode == 0, up.stderr
    assert "keeps them and goes on running" in up.stdout
    status = installation.run("status")
    assert status.returncode == 0, status.stdout
    url = f"http://127.0.0.1:{installation.part('nginx').port}"
    assert f"SUPABASE_URL={url}" in (installation.root / ".env").read_text()


def _kill_with_its_agents(installation: Installation) -> None:
    """A demo, killed in the middle of its design."""
    with start_demo(installation) as demo:
        children = psutil.Process(demo.process.pid).children(recursive=True)
        # The parts of the stack are children, too, and have some: Postgres would recover from their
        # end, which takes as long as its files take to be written to the disk.
        parts = [installation.process(name) for name in PARTS]
        spared = {*parts, *(child for part in parts for child in part.children(recursive=True))}
        agents = [process for process in children if process not in spared]
        demo.process.kill()
        demo.process.wait(timeout=10)
        for process in agents:
            processes.end(process)


def test_when_its_terminal_is_closed_its_stack_is_stopped_too(installation: Installation) -> None:
    # Before the demo starts: however slow we are, it does not end by itself.
    installation.up()
    installation.run("init", "--workspace", "held")
    HeldDesign(installation, "held")
    installation.run("down")
    command = installation.command("demo", "--workspace", "held")
    environment = installation.clean_environment()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(installation.root)
        os.execve(command[0], command, environment)
    demo = psutil.Process(pid)
    try:
        shown = b""
        while f"{SAID}held".encode() not in shown:
            shown += os.read(terminal, 65536)
        # The kernel tells the demo and its agents, and all that they still write fails.
        os.close(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 128 + signal.SIGHUP
    finally:
        with suppress(psutil.NoSuchProcess):
            demo.kill()
    assert not Stack(installation.root).anything_runs()


def test_a_token_for_another_server_does_not_reach_the_agents(
    installation: Installation,
) -> None:
    installation.environment["SHAREDSTATE_TOKEN"] = make_token("x" * 40, "authenticated")
    answer = installation.run("demo", timeout=180)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def _ports(installation: Installation) -> tuple[int, int]:
    return installation.part("postgres").port, installation.part("nginx").port


def test_demos_started_in_the_same_moment_take_a_workspace_each(
    installation: Installation,
) -> None:
    with Demo(installation) as first, Demo(installation) as second:
        names = {demo.await_design().workspace for demo in (first, second)}
        for demo in (first, second):
            assert demo.interrupt() != 0
    assert names == {"humanoid-1", "humanoid-2"}
    assert not Stack(installation.root).anything_runs()


def test_up_on_other_ports_during_a_demo_is_refused_and_the_demo_still_cleans_up(
    installation: Installation,
) -> None:
    with start_demo(installation) as demo:
        assert "until     the demo ends" in installation.run("status").stdout
        answer = installation.up()
        assert demo.interrupt() != 0
    db_port, api_port = installation.ports
    assert answer.returncode == 1
    assert "a demo runs in" in answer.stderr
    assert f"`sharedstate up --db-port {db_port} --api-port {api_port}`" in answer.stderr
    assert not (installation.root / ".env").exists()
    assert not Stack(installation.root).anything_runs()


def test_the_ports_of_a_demo_are_those_of_its_stack_only_until_that_is_stopped(
    installation: Installation,
) -> None:
    installation.up()
    installation.run("down")
    with start_demo(installation) as demo:
        up = installation.run("up")
        assert demo.interrupt() != 0
    assert "sharedstate down, then sharedstate up" in up.stdout
    assert installation.run("status").returncode == 0
    assert not set(_ports(installation)) & set(installation.ports)
    assert "until     the demo ends" not in installation.run("status").stdout
    installation.run("down")
    again = installation.run("up")
    assert again.returncode == 0, again.stderr
    assert _ports(installation) == installation.ports
    assert "updated SUPABASE_URL, DATABASE_URL in" in again.stdout


def test_the_stack_of_a_killed_demo_moves_to_the_usual_ports_at_the_next_up(
    installation: Installation,
) -> None:
    _kill_with_its_agents(installation)
    assert Stack(installation.root).anything_runs()
    said = installation.run("status").stdout
    assert "until     sharedstate down (the demo that it was for was killed)" in said
    assert "until     the demo ends" not in said
    answer = installation.up()
    assert answer.returncode == 0, answer.stderr
    assert "a demo that was killed left its stack running" in answer.stderr
    assert _ports(installation) == installation.ports


def test_the_stack_of_a_killed_demo_is_stopped_by_the_next_one(
    installation: Installation,
) -> None:
    _kill_with_its_agents(installation)
    before = _ports(installation)
    with start_demo(installation) as demo:
        assert _ports(installation) == before
        assert demo.interrupt() != 0
    assert not Stack(installation.root).anything_runs()
