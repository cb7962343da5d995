"""The embedded stack: real Postgres, PostgREST and nginx without Docker (extra `local`).

>>> from pathlib import Path
>>> from sharedstate.stack import Stack
>>> info = Stack(Path.cwd()).up()
"""

from sharedstate.stack.core import Stack, StackInfo, UpReport
from sharedstate.stack.errors import PortTaken, StackError, StackTimeout
from sharedstate.stack.health import PartStatus
from sharedstate.stack.ports import DEFAULT_API_PORT, DEFAULT_DB_PORT

__all__ = [
    "DEFAULT_API_PORT",
    "DEFAULT_DB_PORT",
    "PartStatus",
    "PortTaken",
    "Stack",
    "StackError",
    "StackInfo",
    "StackTimeout",
    "UpReport",
]
