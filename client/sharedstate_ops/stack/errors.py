"""What the stack tells its callers: errors, and the steps of what takes long."""

from __future__ import annotations

from collections.abc import Callable

# A plain callable that is told each step, so that the stack knows of no terminal.
Progress = Callable[[str], None]


def silent(_step: str) -> None:
    """Report nothing."""


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


class NoConnection(StackError):
    """A database took no connection; `reason` is what it, or the system, said.

    `answered`: a server listens there. `refused`: it has other passwords than we, or not even the
    role. `full`: all connections that it gives are in use. `changing`: it starts, recovers or shuts
    down, and soon says something else.
    """

    def __init__(
        self, message: str, *, reason: str, hint: str = "", answered: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.answered = answered
        self.refused = "password authentication failed" in reason
        self.full = "connection slots are reserved" in reason or "too many clients" in reason
        self.changing = "the database system is" in reason
        if self.full:
            self.hint = "End a program that holds connections, then try again."
        elif self.changing:
            self.hint = "Try again in a moment."
