"""`sharedstate demo`: a fresh workspace, the job's exit code, and a stack left as it was."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from tests.stack.installation import Installation

from sharedstate.stack import Stack

EXAMPLE = Path(__file__).parents[2] / "examples" / "humanoid"


def test_without_a_running_stack_it_starts_one_and_leaves_only_the_data(
    installation: Installation,
) -> None:
    answer = installation.run("demo", timeout=180)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "designing in workspace humanoid-1" in answer.stdout
    assert not Stack(installation.root, db_port=None, api_port=None).anything_runs()
    assert not (installation.root / ".env").exists()
    up = installation.up()
    assert "humanoid-1  7 of 7 subsystems complete, 0 open conflicts" in up.stdout


def test_on_a_running_stack_it_takes_a_new_workspace_and_passes_on_the_exit_code(
    shared_installation: Installation,
) -> None:
    shared_installation.run("init", "--workspace", "humanoid-1")
    impossible = EXAMPLE / "requirements_impossible.json"
    answer = shared_installation.run("demo", "--requirements", str(impossible), timeout=180)
    assert answer.returncode == 1
    assert "designing in workspace humanoid-2" in answer.stdout
    assert "does not converge" in answer.stdout
    assert shared_installation.run("status").returncode == 0


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_when_it_is_interrupted_its_stack_is_stopped_too(
    installation: Installation, sent: signal.Signals
) -> None:
    process = subprocess.Popen(
        installation.command("demo"),
        cwd=installation.root,
        env=installation.clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "designing in workspace" in line:
            process.send_signal(sent)
            break
    process.stdout.read()
    assert process.wait(timeout=60) != 0
    assert not Stack(installation.root, db_port=None, api_port=None).anything_runs()


def start_demo(installation: Installation) -> subprocess.Popen[str]:
    """A demo that has come so far that its stack runs."""
    process = subprocess.Popen(
        installation.command("demo"),
        cwd=installation.root,
        env=installation.clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert any("designing in workspace" in line for line in process.stdout)
    return process


def test_of_two_demos_at_once_the_first_to_end_leaves_the_stack_to_the_other(
    installation: Installation,
) -> None:
    with start_demo(installation) as first, start_demo(installation) as second:
        codes = []
        for process in (first, second):
            assert process.stdout is not None
            process.stdout.read()
            codes.append(process.wait(timeout=120))
    assert codes == [0, 0]
    assert not Stack(installation.root, db_port=None, api_port=None).anything_runs()


def test_up_during_a_demo_makes_its_stack_stay(installation: Installation) -> None:
    with start_demo(installation) as demo:
        up = installation.run("up")
        assert demo.stdout is not None
        demo.stdout.read()
        assert demo.wait(timeout=120) == 0
    assert up.returncode == 0, up.stderr
    assert "keeps them and goes on running" in up.stdout
    status = installation.run("status")
    assert status.returncode == 0, status.stdout
    url = f"http://127.0.0.1:{installation.part('nginx').port}"
    assert f"SUPABASE_URL={url}" in (installation.root / ".env").read_text()
