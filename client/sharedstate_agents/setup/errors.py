"""What stops a setup."""

from __future__ import annotations


class SetupError(Exception):
    """Nothing was written; the text says what is in the way, and what to do about it."""
