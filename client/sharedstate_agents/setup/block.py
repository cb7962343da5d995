"""A block of lines of ours between two comments, in a file whose comments begin with `#`."""

from __future__ import annotations

import re

from sharedstate_agents.setup.json_text import line_ending

_BEGIN = "# Begin of what `sharedstate setup` wrote"
_END = "# End of what `sharedstate setup` wrote"
_BLOCK = re.compile(rf"{_BEGIN}\r?\n.*?{_END}(?=\r?\n|\Z)", re.DOTALL)


def block(lines: str, newline: str = "\n") -> str:
    """The block with these lines, without a line break at its end."""
    return f"{_BEGIN}\n{lines}\n{_END}".replace("\n", newline)


def stored_block(text: str) -> str | None:
    """The block in a text, as `block` gives it; None where there is none."""
    found = _BLOCK.search(text)
    return found[0].replace("\r\n", "\n") if found else None


def appended(text: str, lines: str) -> str:
    """The text with the block as its last lines, after an empty one; it ends as it ended."""
    newline = line_ending(text)
    return text + newline + block(lines, newline) + (newline if text.endswith("\n") else "")


def inserted_after_first_line(text: str, lines: str) -> str:
    """The text with the block as its second and following lines."""
    newline = line_ending(text)
    first, _, rest = text.partition(newline)
    return f"{first}{newline}{block(lines, newline)}{newline}{rest}"


def without_block(text: str, *, appended: bool) -> str:
    """The text as it was before the block was put in; as it is where there is none.

    `appended`: by `appended`, which put a line break before it too.
    """
    found = _BLOCK.search(text)
    if found is None:
        return text
    before, after = text[: found.start()], text[found.end() :]
    newline = line_ending(found[0])
    if appended:
        before = before.removesuffix(newline)
        # Somebody went on after a text that had no line break at its end.
        if not before or before.endswith(newline) or after == newline:
            after = after.removeprefix(newline)
    else:
        after = after.removeprefix(newline)
    return before + after
