"""What `setup` knows of each file: how it looks with our part, and how without."""

from __future__ import annotations

from typing import Protocol


class ManagedFile(Protocol):
    """A file of a project that is ours, or has a part that is ours.

    Texts have the line endings of the file. None is a file that is not there. What a file has that
    cannot be edited raises SetupError.
    """

    @property
    def name(self) -> str:
        """Relative to the project, or absolute."""

    def faults(self, text: str | None) -> list[str]:
        """What of our part is missing or differs."""

    def wanted(self, text: str | None) -> str:
        """The text with our part; the same text where nothing has to change."""

    def without(self, text: str) -> str | None:
        """The text without our part."""
