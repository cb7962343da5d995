"""The `.env` file: what `sharedstate up` writes there, and what `sharedstate keys` fills in."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values

from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.files import write_private
from sharedstate_ops.stack.keys import make_token, new_password, new_secret

if TYPE_CHECKING:
    from sharedstate_ops.stack.core import StackInfo

MARKER = (
    "# Written by `sharedstate up`, which keeps these four values current while this line stays."
)

# In a copy of .env.example.
SECRET = "JWT_SECRET"
# Signed with the secret, each for a role.
ROLE_OF_KEY = {
    "SUPABASE_KEY": "authenticated",
    "SUPABASE_ANON_KEY": "anon",
    "SUPABASE_SERVICE_ROLE_KEY": "service_role",
}
# A database that was made with these knows no others: they are never replaced.
PASSWORDS = ("POSTGRES_PASSWORD", "AUTHENTICATOR_PASSWORD", "PG_META_CRYPTO_KEY")
# Its volumes are found by it: it is never replaced either.
PROJECT = "COMPOSE_PROJECT_NAME"
# DATABASE_URL is made of a password as it stands, by programs of which each reads `$`, quotes and
# `#` in its own way: only what needs neither quotes nor encoding will do.
_FIT = re.compile(r"[A-Za-z0-9._~+=,!*-]*")


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


def new_lines(secret: str = "") -> dict[str, str]:
    """A secret, fresh unless given, and the keys that it signs, by the names of `.env.example`."""
    secret = secret or new_secret()
    return {SECRET: secret, **{name: make_token(secret, r) for name, r in ROLE_OF_KEY.items()}}


def project_name(checkout: Path) -> str:
    """The name of a checkout's folder and a digest of its path, as Compose allows it.

    By the path, so that a `.env` that is made anew leads to the same volumes.
    """
    name = re.sub("[^a-z0-9_-]", "", checkout.name.lower()).strip("_-") or "sharedstate"
    return f"{name}-{hashlib.sha256(bytes(checkout)).hexdigest()[:8]}"


def fill(path: Path, *, force: bool = False) -> list[str]:
    """Fill in the empty lines of keys, passwords and the project; answers their names.

    `force` makes the secret and its keys anew. All other lines, and lines that are not there, stay
    as they are. StackError when that would give keys of two secrets, or there are no such lines.
    """
    path = path.resolve()
    if not path.is_file():
        raise StackError(
            f"there is no {path}.", hint="Make it from the example: cp .env.example .env"
        )
    text = path.read_text(encoding="utf-8")
    stored = {name: value or "" for name, value in dotenv_values(path, interpolate=False).items()}
    _require_fit(path, text, stored)
    anew = {SECRET, *ROLE_OF_KEY} if force else set()
    ours = (SECRET, *ROLE_OF_KEY, *PASSWORDS, PROJECT)
    empty = [n for n in stored if n in ours and (n in anew or not stored[n])]
    _require_secret(path, stored, empty)
    fresh = new_lines("" if SECRET in empty else stored.get(SECRET, ""))
    fresh |= {name: new_password() for name in PASSWORDS} | {PROJECT: project_name(path.parent)}
    if empty:
        write_private(path, with_values(text, {name: fresh[name] for name in empty}))
    return empty


def _require_fit(path: Path, text: str, stored: dict[str, str]) -> None:
    if MARKER in text.splitlines():
        raise StackError(
            f"{path} follows the keys of the embedded stack.",
            hint="New ones for both: sharedstate keys --rotate",
        )
    unfit = [name for name in PASSWORDS[:2] if not _FIT.fullmatch(stored.get(name, ""))]
    if unfit:
        raise StackError(
            f"{' and '.join(unfit)} in {path}: an address cannot hold every character of it.",
            hint="A password here has letters of A-Z and a-z, digits, and - . _ ~ + = , ! * only. "
            "Leave the line empty to have one made. A database that was made with the old one "
            "keeps it until `alter role`.",
        )


def _require_secret(path: Path, stored: dict[str, str], empty: list[str]) -> None:
    signed = [name for name in ROLE_OF_KEY if stored.get(name) and name not in empty]
    if not {SECRET, *ROLE_OF_KEY, *PASSWORDS} & stored.keys():
        problem, hint = "has no lines for keys.", "Copy them from .env.example, empty."
    elif SECRET in empty and signed:
        problem = f"has {', '.join(signed)}, but not the {SECRET} that made it."
        hint = f"Fill in {SECRET}, or make all keys anew with --force."
    elif SECRET not in stored and set(empty) & ROLE_OF_KEY.keys():
        problem = f"has no line for {SECRET}, which keys are signed with."
        hint = f"Add the line {SECRET}= and run this again."
    else:
        return
    raise StackError(f"{path} {problem}", hint=hint)
