"""What SharedState and AsyncSharedState have in common, without any I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn
from uuid import uuid4

from sharedstate.config import Settings, checked_name
from sharedstate.forks import renew_after_fork
from sharedstate.locking.leases import Leases

if TYPE_CHECKING:
    from sharedstate.locking.background import Background


class ClientBase:
    """Who we are, where the service is, and which leases we hold."""

    # Made by the client itself.
    _background: Background
    _leases: Leases

    def __init__(self, execution_id: str | None, settings: Settings) -> None:
        given = f"execution-{uuid4()}" if execution_id is None else execution_id
        self._execution_id = checked_name(given, "execution_id")
        self._settings = settings
        renew_after_fork(self)

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

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} has connections and cannot be pickled: make a new one in "
            "each process"
        )

    def _after_fork(self) -> None:
        if hasattr(self, "_leases"):  # not yet while it is being made
            self._leases.after_fork()
        if hasattr(self, "_background"):
            self._background.after_fork()
