"""The benchmark of the commands, with a single run of one of them."""

from __future__ import annotations

from pathlib import Path

import commands
from sharedstate_ops.stack import StackInfo


def test_the_benchmark_times_a_command_and_its_imports(stack: StackInfo, tmp_path: Path) -> None:
    found = commands.measure(stack, tmp_path, runs=1, names=["show"])
    assert set(found) == {"show"}
    assert found["show"].whole_ms > 0
