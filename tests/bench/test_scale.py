"""The benchmark of full databases, with next to nothing in them: what it calls is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SMALL = (
    "--workspaces=3 --activity=3000 --conflicts=300 --documents=300 --requests=100 "
    "--rounds=1 --warm-up=0"
)


def test_the_benchmark_fills_a_database_and_measures_every_call_in_it(tmp_path: Path) -> None:
    command = [sys.executable, "bench/scale.py", *SMALL.split(), f"--folder={tmp_path}"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert answer.returncode == 0, answer.stderr
    assert "checkout + checkin" in answer.stdout
    assert "get_recent_activity, a page two weeks ago" in answer.stdout
    assert "get_subsystem_design_history" in answer.stdout
    assert list(tmp_path.iterdir()) == []
