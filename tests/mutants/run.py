"""Does some test notice each deliberate fault? `python -m tests.mutants.run [words of a name]`.

Each fault is loaded into a fresh stack and its tests run against it; so do they, at first, without
any fault. Exit code 1 when a fault survives, or when the tests fail without one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.table import ROOT, Mutant, named

WORKERS = 2
TIMEOUT_SECONDS = 600


def pytest(tests: Sequence[str], migrations: Path | None) -> subprocess.CompletedProcess[str]:
    """Run tests until the first failure, on a stack with these migrations."""
    environment = dict(os.environ)
    environment.pop("SHAREDSTATE_TEST_MIGRATIONS", None)
    if migrations is not None:
        environment["SHAREDSTATE_TEST_MIGRATIONS"] = str(migrations)
    options = ["-x", "-q", "--tb=line", "-rfE", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )


def killer(output: str) -> str | None:
    """The name of the test that failed."""
    found = re.search(r"^FAILED \S+?::(.+?)(?: - .*)?$", output, re.MULTILINE)
    return found.group(1) if found else None


def verdict(mutant: Mutant) -> tuple[bool, str]:
    """Whether it was killed, and one line about that."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as scratch:
        done = pytest(mutant.tests, mutant.migrations(Path(scratch)))
    test = killer(done.stdout)
    if test is not None:
        seconds = time.monotonic() - start
        return True, f"killed    {mutant.name}\n          by {test} ({seconds:.0f} s)"
    if done.returncode == 0:
        return False, f"SURVIVED  {mutant.name}"
    return False, f"BROKEN    {mutant.name}: no test ran\n{done.stdout[-2000:]}{done.stderr}"


def without_a_fault(mutants: Sequence[Mutant]) -> bool:
    """Whether the tests pass as things are."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    done = pytest(tests, None)
    if done.returncode:
        print(f"without a fault these tests fail already:\n{done.stdout[-2000:]}")
    return done.returncode == 0


def main(words: str) -> int:
    mutants = named(words)
    if not mutants:
        print(f"no mutant has {words!r} in its name")
        return 1
    if not without_a_fault(mutants):
        return 1
    killed = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        for is_killed, line in pool.map(verdict, mutants):
            print(line, flush=True)
            killed += is_killed
    print(f"{killed} of {len(mutants)} killed")
    return 0 if killed == len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
