"""The `.env` of docker compose, a copy of `.env.example`: what `sharedstate keys` fills in."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from dotenv import dotenv_values

from sharedstate_ops.env_file import MARKER, with_values
from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.files import write_private
from sharedstate_ops.stack.keys import make_token, new_password, new_secret

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
