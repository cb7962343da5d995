"""The command line in the test's own process: quick, and with the traceback of what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from typer.testing import CliRunner

from sharedstate_ops.cli import app


class Result(NamedTuple):
    """How a command ended; `output` is all that it wrote, in the order in which it did."""

    exit_code: int
    output: str
    stdout: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        assert self.exit_code == 0, self.output
        return json.loads(self.stdout)


Command = Callable[..., Result]


def command_in(environment: dict[str, str]) -> Command:
    """Run `sharedstate` with some arguments in this environment."""

    def run(*arguments: object) -> Result:
        result = CliRunner().invoke(app, [str(a) for a in arguments], env=environment)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Result(result.exit_code, result.output, result.stdout)

    return run
