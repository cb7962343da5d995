"""What SharedState and AsyncSharedState have in common, without any I/O."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING
from uuid import uuid4

from sharedstate.config import Settings, checked_name
from sharedstate.locking.leases import Leases

if TYPE_CHECKING:
    from sharedstate.locking.background import Background


class ClientBase:
    """Who we are, where the service is, and which leases we hold."""

    _background: Background

    def __init__(self, execution_id: str | None, settings: Settings) -> None:
        given = f"execution-{uuid4()}" if execution_id is None else execution_id
        self._execution_id = checked_name(given, "execution_id")
        self._settings = settings
        self._leases = Leases()
        _alive.add(self)

    @property
    def execution_id(self) -> str:
        """The id under which this client locks and writes."""
        return self._execution_id

    @property
    def workspace(self) -> str:
        """The workspace of all calls: the key's claim, else the configured one, else default."""
        return self._settings.workspace

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._settings.url

    def _author(self, created_by: str | None) -> str:
        """Who writes: as given, else the agent of our token, else all that we know, our run."""
        if created_by is not None:
            return created_by
        return self._settings.agent or self.execution_id

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} execution_id={self.execution_id!r} "
            f"workspace={self.workspace!r} url={self.url!r}>"
        )


_alive: weakref.WeakSet[ClientBase] = weakref.WeakSet()


def _after_fork() -> None:
    for client in list(_alive):
        client._leases.renew_lock_after_fork()
        if hasattr(client, "_background"):  # not yet while it is being made
            client._background.after_fork()


os.register_at_fork(after_in_child=_after_fork)
