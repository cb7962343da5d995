"""Importing the package loads next to nothing, and still shows everything."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sharedstate

LIMIT_S = 0.120


@pytest.fixture(scope="module", autouse=True)
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Modules are compiled once, as for users, whatever this machine does with bytecode."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        folder: Path = tmp_path_factory.mktemp("bytecode")
        environment.setenv("PYTHONPYCACHEPREFIX", str(folder))
        yield


def _fresh(code: str) -> dict[str, object]:
    """Run `code` in fresh interpreters; the fastest of five, by the processor time that it took.

    What else the machine does adds to the time on the wall and says nothing about the import.
    """
    script = (
        "import json, sys, time; before = time.process_time()\n"
        f"{code}\n"
        "spent = time.process_time() - before\n"
        "print(json.dumps({'spent': spent, 'loaded': sorted(sys.modules)}))"
    )
    runs = [
        json.loads(subprocess.check_output([sys.executable, "-c", script], text=True))
        for _ in range(5)
    ]
    return min(runs, key=lambda run: run["spent"])  # type: ignore[no-any-return]


def test_importing_takes_less_than_120_ms_and_loads_no_http_client() -> None:
    run = _fresh("import sharedstate, sharedstate.errors")
    assert isinstance(run["spent"], float)
    assert run["spent"] < LIMIT_S
    assert not {"httpx", "supabase", "postgrest", "pydantic", "dotenv", "asyncio"} & set(
        run["loaded"]  # type: ignore[call-overload]
    )


def test_the_sync_client_loads_nothing_of_the_async_one() -> None:
    run = _fresh("import sharedstate; sharedstate.SharedState(url='http://a:1', key='k').close()")
    loaded = set(run["loaded"])  # type: ignore[call-overload]
    assert "supabase" in loaded
    assert not {"aiohttp", "sharedstate._async.client"} & loaded


def test_every_exported_name_is_there() -> None:
    assert sorted(sharedstate.__all__) == sharedstate.__all__
    for name in sharedstate.__all__:
        assert getattr(sharedstate, name).__name__ == name
    assert set(sharedstate.__all__) <= set(dir(sharedstate))
    assert sharedstate.errors.BY_SLUG
    assert sharedstate.__version__[0].isdigit()


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'SharedStat'"):
        _ = sharedstate.SharedStat
    with pytest.raises(ImportError):
        exec("from sharedstate import Nothing")
