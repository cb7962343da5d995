"""MADE FROM methods/core.py by scripts/build_async.py: change that file, run the script."""

from __future__ import annotations

from typing import TypeVar

from sharedstate.base import ClientBase
from sharedstate.http.call import Call

T = TypeVar("T")


class AsyncCoreMethods(ClientBase):
    """How a call is sent: AsyncSharedState knows."""

    async def _run(self, call: Call[T]) -> T:
        raise NotImplementedError

    async def _pause(self, seconds: float) -> None:
        raise NotImplementedError
