"""The `.env` file: written when there is none, kept up to date while it is ours."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from sharedstate_ops.stack.core import StackInfo
from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.files import write_private

MARKER = (
    "# Written by `sharedstate up`, which keeps these four values current while this line stays."
)


@dataclass(frozen=True)
class EnvResult:
    """`written` says what was done (empty: nothing).

    Of a file that is not ours: `foreign` names those that have other values, `missing` those that
    it does not set.
    """

    written: str = ""
    foreign: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class EnvFile:
    """One `.env` file."""

    path: Path

    def is_ours(self) -> bool:
        """Whether `sharedstate up` wrote it, and keeps it current."""
        return self.path.is_file() and MARKER in self.path.read_text().splitlines()

    def bring_up_to_date(self, values: dict[str, str], *, extend: bool = True) -> EnvResult:
        """Write, extend, update or leave the file, so that no line of anybody else is ever lost.

        Without `extend` nothing is written to a file that is not ours. StackError when it is no
        text file, or cannot be read.
        """
        text = self._text()
        stored = dotenv_values(stream=io.StringIO(text), interpolate=False)
        changed = {name: value for name, value in values.items() if stored.get(name) != value}
        if not changed:
            return EnvResult()
        # A link to a file elsewhere stays one.
        path = self.path.resolve()
        if MARKER in text.splitlines():
            write_private(path, with_values(text, changed))
            return EnvResult(written=f"updated {', '.join(changed)} in")
        if not extend or values.keys() & stored.keys():
            missing = tuple(name for name in changed if name not in stored)
            foreign = tuple(name for name in changed if name in stored)
            return EnvResult(foreign=foreign, missing=missing)
        done = f"added {', '.join(values)} to" if self.path.exists() else "written"
        separator = "\n" if text and not text.endswith("\n") else ""
        write_private(path, with_values(f"{text}{separator}{MARKER}\n", values))
        return EnvResult(done)

    def _text(self) -> str:
        try:
            return self.path.read_bytes().decode()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise StackError(f"{self.path} cannot be read: {error.strerror}.") from error
        except UnicodeError as error:
            raise StackError(f"{self.path} cannot be read: it is not UTF-8 text.") from error


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
