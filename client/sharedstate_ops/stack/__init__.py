"""The embedded stack: real Postgres, PostgREST and nginx without Docker (extra `local`).

>>> from pathlib import Path
>>> from sharedstate_ops.stack import Stack
>>> info = Stack(Path.cwd()).up()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sharedstate_ops.stack.errors import PortTaken, StackError

if TYPE_CHECKING:
    from sharedstate_ops.stack.core import Stack, StackInfo

__all__ = [
    "PortTaken",
    "Stack",
    "StackError",
    "StackInfo",
]


def __getattr__(name: str) -> Any:
    """Loads the stack when it is used: most commands only ask which database runs."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.core"), name)
