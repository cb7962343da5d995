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
        renewed: another version of ours replaces an unedited one.
        needed: it is a fault that there is none.
    """

    name: str
    body: str
    comment: tuple[str, str] = ("# ", "")
    renewed: bool = True
    needed: bool = False

    def faults(self, text: str | None) -> list[str]:
        """Missing, or unedited and of another version. An edited file is its user's own."""
        if text is None:
            return ["is missing"] if self.needed else []
        outdated = self.renewed and self._unedited(text) and not self._is_current(text)
        return ["is of another version"] if outdated else []

    def wanted(self, text: str | None) -> str:
        """The text of this version, or what its user made of it."""
        if text is None or self.faults(text):
            return self._signed(self.body)
        return text

    def without(self, text: str) -> str | None:
        """None for an unedited file, else what its user made of it."""
        return None if self._unedited(text) else text

    def is_left(self, text: str | None) -> bool:
        """Whether there is a file of this name that setup leaves as it is, though it differs."""
        return text is not None and not self._unedited(text)

    def _signed(self, body: str) -> str:
        opening, closing = self.comment
        return f"{body}{opening}{_NOTE} {_digest(body)}{closing}\n"

    def _is_current(self, text: str) -> bool:
        return text.replace("\r\n", "\n") == self._signed(self.body)

    def _unedited(self, text: str) -> bool:
        plain = text.replace("\r\n", "\n")  # git may have changed them
        opening, closing = map(re.escape, self.comment)
        found = re.fullmatch(rf"(.*?){opening}{re.escape(_NOTE)} \w+{closing}\n", plain, re.DOTALL)
        return found is not None and self._signed(found[1]) == plain


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]
