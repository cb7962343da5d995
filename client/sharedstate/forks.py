"""What a forked child has to make anew: locks, threads, sockets and leases are its parent's."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Renewable(Protocol):
    """Something that can be used in a forked child after `_after_fork`."""

    def _after_fork(self) -> None: ...


_alive: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(one: Renewable) -> None:
    """Have `_after_fork` of this object called in each child that is forked while it lives."""
    _alive.add(one)


def _in_child() -> None:
    for one in list(_alive):
        one._after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_in_child)
