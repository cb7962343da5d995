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

    def bring_up_to_date(self, values: dict[str, str]) -> EnvResult:
        """Write, extend, update or leave the file, so that no line of anybody else is ever lost.

        StackError when it is no text file, or cannot be read.
        """
        if not self.path.exists():
            self._write("".join(_our_lines(values)))
            return EnvResult(written="written")
        text = self._text()
        if MARKER not in text.splitlines() and not values.keys() & _stored(text).keys():
            separator = "" if not text or text.endswith("\n") else "\n"
            self._write("".join([text, separator, *_our_lines(values)]))
            return EnvResult(written=f"added {', '.join(values)} to")
        return self.update(values)

    def update(self, values: dict[str, str]) -> EnvResult:
        """The same for a file that exists, and nothing is added to one that is not ours."""
        text = self._text()
        stored = _stored(text)
        changed = {name: value for name, value in values.items() if stored.get(name) != value}
        if not changed:
            return EnvResult()
        if MARKER not in text.splitlines():
            return EnvResult(
                foreign=tuple(name for name in changed if name in stored),
                missing=tuple(name for name in changed if name not in stored),
            )
        self._write(with_values(text, changed))
        return EnvResult(written=f"updated {', '.join(changed)} in")

    def _write(self, text: str) -> None:
        # A link to a file elsewhere stays one.
        write_private(self.path.resolve(), text)

    def _text(self) -> str:
        try:
            with self.path.open(encoding="utf-8", newline="") as file:
                return file.read()
        except OSError as error:
            raise StackError(f"{self.path} cannot be read: {error.strerror}.") from error
        except UnicodeError as error:
            raise StackError(f"{self.path} cannot be read: it is not UTF-8 text.") from error


def _our_lines(values: dict[str, str]) -> list[str]:
    return [f"{MARKER}\n", *(f"{name}={value}\n" for name, value in values.items())]


def _stored(text: str) -> dict[str, str | None]:
    return dotenv_values(stream=io.StringIO(text), interpolate=False)


def with_values(text: str, values: dict[str, str]) -> str:
    """The text with these values in its lines, every other byte as it was.

    A name without a line gets one at the end.
    """
    found = set()

    def line(match: re.Match[str]) -> str:
        name = match[2]
        if name not in values:
            return match[0]
        found.add(name)
        return f"{match[1]}{values[name]}"

    text = re.sub(r"^([ \t]*(?:export[ \t]+)?(\w+)[ \t]*=)[^\r\n]*", line, text, flags=re.MULTILINE)
    added = [f"{name}={value}\n" for name, value in values.items() if name not in found]
    separator = "\n" if added and text and not text.endswith("\n") else ""
    return "".join([text, separator, *added])


def environment(info: StackInfo) -> dict[str, str]:
    """What programs need to reach a stack; SUPABASE_KEY is the agents' key."""
    return {
        "SUPABASE_URL": info.url,
        "SUPABASE_KEY": info.agent_key,
        "SUPABASE_SERVICE_ROLE_KEY": info.service_key,
        "DATABASE_URL": info.database_url,
    }
