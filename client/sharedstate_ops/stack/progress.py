"""How long steps report what they do: a plain callable, so that the stack knows of no terminal."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]


def silent(_message: str) -> None:
    """Report nothing."""
