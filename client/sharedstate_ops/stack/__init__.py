"""The embedded stack: real Postgres, PostgREST and nginx without Docker (extra `local`).

>>> from pathlib import Path
>>> from sharedstate_ops.stack import Stack
>>> info = Stack(Path.cwd()).up()
"""

from sharedstate_ops.stack.core import Stack, StackInfo
from sharedstate_ops.stack.errors import PortTaken, StackError
from sharedstate_ops.stack.ports import DEFAULT_API_PORT, DEFAULT_DB_PORT

__all__ = [
    "DEFAULT_API_PORT",
    "DEFAULT_DB_PORT",
    "PortTaken",
    "Stack",
    "StackError",
    "StackInfo",
]
