"""The deliberate faults fit the sources as they are now; `make mutants` runs the tests on them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.mutants.run import killer
from tests.mutants.table import MUTANTS, ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_changes_the_migration(mutant: Mutant, tmp_path: Path) -> None:
    ours = (ROOT / "supabase/migrations").glob("*.sql")
    changed = {path.name: path.read_text() for path in mutant.migrations(tmp_path).glob("*.sql")}
    assert changed != {path.name: path.read_text() for path in ours}
    assert mutant.new in "".join(changed.values())


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_tests_that_shall_notice_a_fault_exist(mutant: Mutant) -> None:
    for name in mutant.tests:
        file, _, function = name.partition("::")
        text = (ROOT / file).read_text()
        assert re.search(rf"^def {function or 'test_'}", text, re.MULTILINE), name


def test_each_mutant_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_the_test_that_failed_is_found_in_the_output() -> None:
    output = "..F\nFAILED tests/sql/test_x.py::test_it[a-b] - assert 1 == 2\n1 failed\n"
    assert killer(output) == "test_it[a-b]"
    assert killer("ERROR tests/sql/test_x.py::test_it - StackError\n") is None
    assert killer("3 passed\n") is None
