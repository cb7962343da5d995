"""Passwords that people choose, and whether a text shows a piece of one."""

from __future__ import annotations

# What ends a part of an address, is encoded in it, or is a sign of `.env` files and shells.
ODD_PASSWORDS = [
    "first@second",
    "first:se@cond",
    "first/second",
    "first?second",
    "first#second",
    "first%second",
    "first%40second",
    "first$second",
    "first second",
    "first@host/second?third=fourth#fifth",
    "grüße",
]


def pieces(password: str, text: str) -> list[str]:
    """The pieces of it, three characters or more, that a text shows."""
    found = {password[start : start + 3] for start in range(len(password) - 2)}
    # Words of our own errors.
    return sorted(piece for piece in found if piece in text.replace("HOST", "").replace("host", ""))
