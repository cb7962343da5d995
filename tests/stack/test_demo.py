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
