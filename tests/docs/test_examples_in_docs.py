"""The Python in README.md and docs/ runs as it stands and prints what the page says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.forking import run_forked

from sharedstate_ops.stack import StackInfo

ROOT = Path(__file__).parents[2]
# A python block, and the text block after it if that follows at once.
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.S | re.M)


def examples(page: str) -> list[tuple[str, str | None]]:
    """Code and expected output of each example of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [(found[1], found[2]) for found in EXAMPLE.finditer(text)]


def run(code: str, environment: dict[str, str], folder: Path) -> str:
    """What a script prints when it runs in a folder of its own."""
    done = run_forked(code, folder=folder, environment={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def environment(stack: StackInfo, workspace: str) -> dict[str, str]:
    """What `.env` holds after `make up`, for a fresh workspace."""
    return {
        "SUPABASE_URL": stack.url,
        "SUPABASE_KEY": stack.agent_key,
        "SHAREDSTATE_WORKSPACE": workspace,
    }


PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)])
def test_the_examples_of_a_page_run_one_after_the_other_and_print_what_it_says(
    page: str, environment: dict[str, str], tmp_path: Path
) -> None:
    for code, expected in examples(page):
        printed = run(code, environment, tmp_path)
        if expected is not None:
            assert printed == expected


def test_the_method_that_the_readme_shows_is_the_client_s_own() -> None:
    (shown,) = re.findall(r"^```py\n(.*?)^```", (ROOT / "README.md").read_text(), re.S | re.M)
    modules = (ROOT / "client" / "sharedstate" / "_sync").glob("*.py")
    assert any(shown in module.read_text(encoding="utf-8") for module in modules)


def test_each_file_that_the_readme_points_to_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_users_guide_runs_as_written(environment: dict[str, str], tmp_path: Path) -> None:
    """Every method in the order and with the arguments of the guide."""
    code = (ROOT / "tests" / "docs" / "users_guide.txt").read_text(encoding="utf-8")
    printed = run(code, environment, tmp_path)
    assert "skeleton_agent design_complete" in printed
