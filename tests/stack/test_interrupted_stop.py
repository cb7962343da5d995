"""Stopping that somebody interrupts, or tries to."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable

import pytest
from tests.stack.demos import Demo
from tests.stack.installation import Installation

from sharedstate_ops.stack import Stack


def test_a_demo_that_stops_its_stack_is_not_interrupted_by_a_second_signal(
    installation: Installation,
) -> None:
    with Demo(installation, stderr=subprocess.STDOUT) as demo:
        process = demo.await_design().process
        assert process.stdout is not None
        process.send_signal(signal.SIGINT)
        assert any("stopping nginx" in line for line in process.stdout)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process.send_signal(number)
        process.stdout.read()
        assert process.wait() != 0
    assert not Stack(installation.root).anything_runs()


def test_what_an_interrupted_stop_leaves_is_still_known_to_be_a_demos(
    scratch_stack: Callable[[], Stack],
) -> None:
    stack = scratch_stack()
    stack.up(visiting=True)

    def interrupt(step: str) -> None:
        if step == "stopping postgres":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stack.leave(interrupt)
    assert stack.anything_runs()
    assert stack.is_temporary()
    assert stack.is_abandoned()
    # And the next one who visits takes it over and ends it.
    stack.up(visiting=True)
    assert stack.leave()
    assert not stack.anything_runs()
    assert not stack.is_temporary()
