"""`make test` and `make test-rest` are all tests, and each is in one of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.tiers import MARKERS, QUICK, TIERS, tier_of

ROOT = Path(__file__).parents[2]
ENTRIES = [entry for entries in TIERS.values() for entry in entries]


def exists(entry: str) -> bool:
    """Whether there is such a folder, file or test."""
    name, _, test = entry.partition("::")
    path = ROOT / "tests" / name
    if not test:
        return path.exists()
    functions = [node for node in ast.parse(path.read_text()).body if hasattr(node, "name")]
    return test in [node.name for node in functions]


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_names_something_that_exists(entry: str) -> None:
    assert exists(entry)


def test_an_entry_stands_in_one_place() -> None:
    assert len(ENTRIES) == len(set(ENTRIES))


def test_the_longest_entry_decides() -> None:
    assert tier_of("stack/test_demo.py::test_up_during_a_demo_makes_its_stack_stay") == "installs"
    assert tier_of("stack/test_makefile.py::test_nothing_is_installed_twice") == QUICK
    assert tier_of("stackless.py::test_x") == QUICK


def test_make_knows_the_same_markers() -> None:
    (line,) = [
        line
        for line in (ROOT / "Makefile").read_text().splitlines()
        if line.startswith("LONGER := ")
    ]
    assert set(line.removeprefix("LONGER := ").split(" or ")) == set(MARKERS) == {*TIERS} - {QUICK}
