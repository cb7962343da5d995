"""The command line: `sharedstate up | down | init | status`, and the others in `--help`."""

from __future__ import annotations

import sys

__all__ = ["app"]

try:
    from sharedstate_ops.cli.main import app
except ModuleNotFoundError as error:
    # The client alone is installed: say so instead of a traceback.
    if (error.name or "").startswith("sharedstate"):
        raise
    _missing = error.name

    def app() -> None:  # type: ignore[misc]
        """Stand in for the command line whose packages are missing."""
        sys.exit(
            f"error: the package {_missing} is missing, which the command line needs.\n"
            'Install the extra: pip install "sharedstate[local]"'
        )
