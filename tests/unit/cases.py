"""A case of a call: with which arguments, what it must send, and its result for an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ID = "7d1d9a52-33a4-4f0f-8d7e-0c4b6f2f9a10"
ROW = {"workspace": "robot", "version": 3}


@dataclass
class Case:
    """A method called with arguments, what it must send to a function, and its result."""

    method: str
    arguments: tuple[Any, ...]
    sent: dict[str, Any]
    answer: Any
    result: Any
    options: dict[str, Any] = field(default_factory=dict)
    mutates: bool = True
    function: str = ""

    def __str__(self) -> str:
        return f"{self.method}-{'none' if self.result is None else 'some'}"
