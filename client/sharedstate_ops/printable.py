"""Text that cannot act on a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with escapes for what a terminal cannot show."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
