"""A whole file that `setup` wrote: a digest in its last line tells whether it was edited."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_NOTE = "Written by sharedstate setup, which replaces or removes this file while it is unedited:"


@dataclass(frozen=True)
class OwnedFile:
    """A file that is written where there is none, and never taken from who has edited it.

    Attributes:
        name: relative to the project.
        body: what it says, up to the line of the digest.
        comment: what a comment begins and ends with.
        is_for_editing: it has to be there, and another version of ours does not replace it.
    """

    name: str
    body: str
    comment: tuple[str, str] = ("# ", "")
    is_for_editing: bool = False

    def faults(self, text: str | None) -> list[str]:
        """Missing, or unedited and of another version. An edited file is its user's own."""
        if self.is_for_editing:
            return ["is missing"] if text is None else []
        is_outdated = text is not None and self._unedited(text) not in (None, self.body)
        return ["is of another version"] if is_outdated else []

    def wanted(self, text: str | None) -> str:
        """The text of this version, or what its user made of it."""
        if text is None or self.faults(text):
            return self._signed(self.body)
        return text

    def without(self, text: str) -> str | None:
        """None for an unedited file, else what its user made of it."""
        return text if self._unedited(text) is None else None

    def is_left(self, text: str | None) -> bool:
        """Whether there is a file of this name that setup leaves as it is, though it differs."""
        return text is not None and self._unedited(text) is None

    def _signed(self, body: str) -> str:
        opening, closing = self.comment
        digest = hashlib.sha256(body.encode()).hexdigest()[:16]
        return f"{body}{opening}{_NOTE} {digest}{closing}\n"

    def _unedited(self, text: str) -> str | None:
        """What an unedited file of any version says, up to the line of the digest; else None."""
        plain = text.replace("\r\n", "\n")  # git may have changed them
        opening, closing = map(re.escape, self.comment)
        found = re.fullmatch(rf"(.*?){opening}{re.escape(_NOTE)} \w+{closing}\n", plain, re.DOTALL)
        return found[1] if found and self._signed(found[1]) == plain else None
