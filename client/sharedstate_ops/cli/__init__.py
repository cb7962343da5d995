"""The command line: `sharedstate up | down | init | status`, and the others in `--help`."""

from __future__ import annotations

import sys

__all__ = ["app"]


def what_to_install(error: ModuleNotFoundError) -> str:
    """What is said of a missing package instead of a traceback; raises when it is one of ours."""
    if (error.name or "").startswith("sharedstate"):
        raise error
    extra = "mcp" if error.name == "mcp" else "local"
    return (
        f"error: the package {error.name} is missing, which this command needs.\n"
        f'Install the extra: pip install "sharedstate[{extra}]"'
    )


try:
    from sharedstate_ops.cli.main import app
except ModuleNotFoundError as _error:
    # The client alone is installed.
    _missing = what_to_install(_error)

    def app() -> None:  # type: ignore[misc]
        """Stand in for the command line whose packages are missing."""
        sys.exit(_missing)
