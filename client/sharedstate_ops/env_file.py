"""The `.env` file that `sharedstate up` writes, and keeps current."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values

from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.files import write_private

if TYPE_CHECKING:
    from sharedstate_ops.stack.core import StackInfo

MARKER = (
    "# Written by `sharedstate up`, which keeps these four values current while this line stays."
)


def is_ours(path: Path) -> bool:
    """Whether `sharedstate up` wrote the file, and keeps it current."""
    return path.is_file() and MARKER in path.read_text().splitlines()


def bring_up_to_date(path: Path, values: dict[str, str], *, extend: bool = True) -> str:
    """Write, extend or update a `.env` so that no line of anybody else is lost; what was done.

    Only a file that sets none of the values is extended, and only with `extend`. StackError when
    one that is not ours leads elsewhere, or is no text file; it is left as it is then.
    """
    text = _text(path)
    stored = dotenv_values(stream=io.StringIO(text), interpolate=False)
    changed = {name: value for name, value in values.items() if stored.get(name) != value}
    if not changed:
        return ""
    # A link to a file elsewhere stays one.
    path = path.resolve()
    if MARKER in text.splitlines():
        write_private(path, with_values(text, changed))
        return f"updated {', '.join(changed)} in"
    if not extend or values.keys() & stored.keys():
        foreign = [name for name in changed if name in stored]
        what = "has other values for" if foreign else "does not set"
        raise StackError(
            f"{path} was not written by sharedstate and {what} {', '.join(foreign or changed)}: "
            "programs that read it do not reach this stack. It was left as it is.",
            hint="Move it away, or the lines that name a stack, and run `sharedstate up` again.",
        )
    done = f"added {', '.join(values)} to" if path.exists() else "written"
    separator = "\n" if text and not text.endswith("\n") else ""
    write_private(path, with_values(f"{text}{separator}{MARKER}\n", values))
    return done


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        hint = "Move it away, and run it again."
        raise StackError(f"{path} cannot be read: {problem}.", hint=hint) from error


def with_values(text: str, values: dict[str, str]) -> str:
    """The text with these values in its lines, every other byte as it was.

    A name without a line gets one at the end.
    """
    missing = dict(values)

    def line(match: re.Match[str]) -> str:
        missing.pop(match[2], None)
        return f"{match[1]}{values[match[2]]}" if match[2] in values else match[0]

    text = re.sub(r"^([ \t]*(?:export[ \t]+)?(\w+)[ \t]*=)[^\r\n]*", line, text, flags=re.MULTILINE)
    separator = "\n" if missing and text and not text.endswith("\n") else ""
    return "".join([text, separator, *(f"{name}={value}\n" for name, value in missing.items())])


def environment(info: StackInfo) -> dict[str, str]:
    """What programs need to reach a stack; SUPABASE_KEY is the agents' key."""
    return {
        "SUPABASE_URL": info.url,
        "SUPABASE_KEY": info.agent_key,
        "SUPABASE_SERVICE_ROLE_KEY": info.service_key,
        "DATABASE_URL": info.database_url,
    }
