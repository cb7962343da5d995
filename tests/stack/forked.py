"""The command line as somebody types it, without the second that its imports take."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.forking import FORKING


def run_forked(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run `sharedstate` with these arguments; raises TimeoutExpired after so many seconds."""
    with tempfile.TemporaryDirectory() as scratch:
        streams = [Path(os.devnull), Path(scratch, "stdout"), Path(scratch, "stderr")]
        process = FORKING.Process(
            target=_command, args=(list(arguments), folder, dict(environment), streams)
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(list(arguments), timeout)
        output, errors = (path.read_text() for path in streams[1:])
        return subprocess.CompletedProcess(list(arguments), process.exitcode, output, errors)


def _command(
    arguments: list[str], folder: Path, environment: dict[str, str], streams: list[Path]
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate(streams):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND), number)
    sys.argv = ["sharedstate", *arguments]
    from sharedstate_ops.cli import app

    app()
