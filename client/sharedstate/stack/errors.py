"""What can go wrong with the embedded stack."""

from __future__ import annotations


class StackError(Exception):
    """A step failed; the text says what failed, and `hint` what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class PortTaken(StackError):
    """A port that was asked for belongs to another process."""


class StackTimeout(StackError):
    """A part did not become ready in time."""
