"""Answers that fit: at most 2,000 tokens, counted as 4 characters each, unless all is asked for.

What is too long is cut in steps, each harder than the one before: lists to their first elements,
texts to their beginning, objects to their first keys and to some levels. `left_out` says where.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, Field

Detail = Literal["concise", "full"]

MOST_CHARACTERS = 8000
_NOTES = 6
_HOW = 'Ask with detail="full" for all, or read_document with a pointer for a part.'


class Answer(BaseModel):
    """What every tool answers besides its own."""

    left_out: list[str] | None = Field(
        default=None, description="What was cut to keep the answer short, and how to get it."
    )


@dataclass(slots=True)
class _Cut:
    """How long parts may be, and what was cut so far. `levels` of objects and lists."""

    elements: int
    characters: int
    keys: int
    levels: int
    notes: list[str] = field(default_factory=list)

    def of(self, value: Any, path: str = "", level: int = 0) -> Any:
        """The value, cut. Fields of models keep their types: only lists, texts, objects shrink."""
        if isinstance(value, BaseModel):
            names = type(value).model_fields
            parts = {n: self.of(getattr(value, n), f"{path}/{n}", level) for n in names}
            return value.model_copy(update=parts)
        if isinstance(value, str) and len(value) > self.characters:
            self.notes.append(f"{path}: {len(value):,} characters")
            return value[: self.characters] + "…"
        if isinstance(value, dict | list) and level >= self.levels:
            self.notes.append(f"{path}: {len(value)} parts")
            return f"… {len(value)} parts"
        if isinstance(value, list):
            if len(value) > self.elements:
                self.notes.append(f"{path}: {len(value) - self.elements} of {len(value)}")
            kept = value[: self.elements]
            return [self.of(one, f"{path}/{i}", level + 1) for i, one in enumerate(kept)]
        if isinstance(value, dict):
            return self._of_object(value, path, level)
        return value

    def _of_object(self, value: dict[str, Any], path: str, level: int) -> dict[str, Any]:
        if len(value) > self.keys:
            self.notes.append(f"{path}: {len(value) - self.keys} of {len(value)} parts")
        cut: dict[str, Any] = {}
        for key in list(value)[: self.keys]:
            name = key if len(key) <= self.characters else key[: self.characters] + "…"
            cut[name] = self.of(value[key], f"{path}/{name[:60]}", level + 1)
        return cut


# Elements, characters, keys, levels. With the last one only what has a fixed size is left.
_STEPS = (
    (50, 1000, 60, 8),
    (25, 400, 40, 6),
    (12, 200, 25, 5),
    (6, 120, 15, 5),
    (3, 80, 10, 4),
    (1, 40, 5, 4),
    (0, 40, 0, 4),
)


def result_of(answer: Answer, detail: Detail = "concise", how: str = _HOW) -> CallToolResult:
    """An answer as structured content and as text, cut to size unless in full."""
    data, text = _rendered(answer)
    if detail != "full":
        for step in _STEPS:
            if len(text) <= MOST_CHARACTERS:
                break
            cut = _Cut(*step)
            shorter = cut.of(answer)
            more = len(cut.notes) - _NOTES
            notes = [note[-120:] for note in cut.notes[:_NOTES]]
            shorter.left_out = [*notes, *([f"and {more} more"] if more > 0 else []), how]
            data, text = _rendered(shorter)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=data)


def _rendered(answer: Answer) -> tuple[dict[str, Any], str]:
    data = answer.model_dump(mode="json", exclude_none=True)
    return data, json.dumps(data, ensure_ascii=False, separators=(",", ":"))
