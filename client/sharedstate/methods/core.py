"""What all methods build on. methods_async/core.py is made from this file."""

from __future__ import annotations

from typing import TypeVar

from sharedstate.base import ClientBase
from sharedstate.http.call import Call

T = TypeVar("T")


class CoreMethods(ClientBase):
    """How a call is sent: SharedState knows."""

    def _run(self, call: Call[T]) -> T:
        raise NotImplementedError

    def _pause(self, seconds: float) -> None:
        raise NotImplementedError
