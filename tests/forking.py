"""Programs in processes forked from one that has imported the libraries.

Each of them would take a second to do so.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

FORKING = multiprocessing.get_context("forkserver")
# pytest because multiprocessing imports the main module again. Nothing that operators run: a
# command imports that itself, in its own folder and environment.
FORKING.set_forkserver_preload(
    [
        "pytest",
        "httpx",
        "jwt",
        "psutil",
        "psycopg2",
        "rich.console",
        "rich.table",
        "sharedstate._sync.client",
        "typer",
    ]
)


def run_forked(
    code: str, *arguments: str, folder: Path, environment: Mapping[str, str], timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """As `python -c code arguments`; raises TimeoutExpired after so many seconds."""
    with tempfile.TemporaryDirectory() as scratch:
        streams = [Path(os.devnull), Path(scratch, "stdout"), Path(scratch, "stderr")]
        process = FORKING.Process(
            target=_run, args=(code, arguments, folder, dict(environment), streams)
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout)
        output, errors = (path.read_text(encoding="utf-8") for path in streams[1:])
        return subprocess.CompletedProcess(arguments, process.exitcode, output, errors)


def _run(
    code: str,
    arguments: tuple[str, ...],
    folder: Path,
    environment: dict[str, str],
    streams: list[Path],
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate(streams):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND), number)
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
