"""The benchmark of the commands, with a single run of each."""

from __future__ import annotations

from pathlib import Path

import commands
from sharedstate_ops.stack import StackInfo


def test_the_benchmark_times_every_command_and_its_imports(
    stack: StackInfo, tmp_path: Path
) -> None:
    found = commands.measure(stack, tmp_path, runs=1)
    assert set(found) == set(commands.READS)
    assert all(taken.whole_ms > 0 and taken.ratio > 1 for taken in found.values())
