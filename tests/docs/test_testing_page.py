"""The tests that docs/testing.md shows, run as somebody's own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sharedstate_ops.stack import StackInfo

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
PLUGIN, TESTS, OWN_STACK = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(), re.S | re.M)


def run_pytest(folder: Path, conftest: str, **environment: str) -> str:
    """What pytest says of the tests of the page, with this conftest.py."""
    (folder / "conftest.py").write_text(conftest)
    (folder / "test_agents.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tests_of_the_page_pass_on_a_stack_that_the_plugin_starts(tmp_path: Path) -> None:
    assert "3 passed" in run_pytest(tmp_path, PLUGIN)


def test_the_tests_of_the_page_pass_on_a_running_stack(tmp_path: Path, stack: StackInfo) -> None:
    said = run_pytest(
        tmp_path,
        PLUGIN + OWN_STACK,
        SUPABASE_URL=stack.url,
        SUPABASE_KEY=stack.agent_key,
        SUPABASE_SERVICE_ROLE_KEY=stack.service_key,
    )
    assert "3 passed" in said


def test_without_the_extra_the_plugin_says_what_to_install(tmp_path: Path) -> None:
    hidden = "import sys\nsys.modules['psycopg2'] = None\n"
    with pytest.raises(AssertionError, match=r'pip install "sharedstate\[local\]"'):
        run_pytest(tmp_path, hidden + PLUGIN)
