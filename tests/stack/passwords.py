"""Passwords that people choose."""

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
