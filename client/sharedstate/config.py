"""Where the service is and who we are: arguments, then environment, then the nearest `.env`."""

from __future__ import annotations

import base64
import json
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit

from sharedstate.errors import InvalidArgument, NotConfigured

URL, KEY, WORKSPACE = "SUPABASE_URL", "SUPABASE_KEY", "SHAREDSTATE_WORKSPACE"
TOKEN = "SHAREDSTATE_TOKEN"
NAME_HINT = (
    "A name has 1 to 128 characters in Unicode NFC, none a control character, and no space at its "
    "beginning or end."
)
DEFAULT_WORKSPACE = "default"
URL_HINT = "SUPABASE_URL looks like http://127.0.0.1:8000."


@dataclass(slots=True)
class Settings:
    """What a client needs to know. `workspace` is the one that calls work in.

    `key` opens the gateway. `token` says who we are, where the key does not: on the platform, whose
    publishable key is that of everybody.
    """

    url: str
    key: str = field(repr=False)
    workspace: str = DEFAULT_WORKSPACE
    token: str | None = field(default=None, repr=False)

    @property
    def credentials(self) -> dict[str, str]:
        """The headers that say who we are.

        A key of the kind `sb_...` is no token: it goes into `apikey` alone, and the platform's
        gateway puts a token in its place.
        """
        bearer = self.token or (None if self.key.startswith("sb_") else self.key)
        return {"apikey": self.key} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})

    @property
    def agent(self) -> str | None:
        """The agent that our token, or else the key, speaks for; None when it names none."""
        agent = claims(self.token or self.key).get("agent")
        return agent if isinstance(agent, str) else None

    def for_token(self, token: str) -> Settings:
        """The same service for whom `token` names, in the workspace that it pins, if any."""
        clean = _checked_key(token, "the token")
        pinned = claims(clean).get("workspace") or self.workspace
        return Settings(self.url, self.key, checked_name(pinned, "workspace"), clean)

    def set_key(self, key: str) -> None:
        """Replace the token, or else the key.

        InvalidArgument for one that is pinned to another workspace: what is cached, or waited for,
        belongs to this one.
        """
        clean = _checked_key(key, "the key")
        pinned = claims(clean).get("workspace")
        if pinned not in (None, self.workspace):
            hint = "Make a client of its own for another workspace."
            raise InvalidArgument.of("key", f"is one of the workspace {pinned}", hint=hint)
        if self.token:
            self.token = clean
        else:
            self.key = clean


def load(
    url: str | None = None,
    key: str | None = None,
    workspace: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Settings:
    """Settings from arguments, `environ` (os.environ) and `.env` from `directory` (cwd) upwards.

    In a git worktree without one, that of the main worktree counts.

    Nothing is written to the environment. NotConfigured when url or key cannot be found.
    A claim `workspace` in the token or key wins over every other source, as in the database.
    A `token` is optional: SHAREDSTATE_TOKEN, from where the key comes from.
    """
    variables = os.environ if environ is None else environ
    found = {
        URL: url or variables.get(URL),
        KEY: key or variables.get(KEY),
        WORKSPACE: workspace or variables.get(WORKSPACE),
        # A token goes with its key: that of the file says nothing about a key from elsewhere.
        TOKEN: None if key else variables.get(TOKEN),
    }
    unreadable: list[str] = []
    if not (found[URL] and found[KEY] and found[WORKSPACE]):
        here = directory or _working_directory()
        from_file = nearest_env_file(here, unreadable) or nearest_env_file(
            main_worktree(here), unreadable
        )
        if found[KEY]:
            from_file.pop(TOKEN, None)
        found = {name: value or from_file.get(name) for name, value in found.items()}
    missing = [name for name in (URL, KEY) if not found[name]]
    if missing:
        detail: dict[str, Any] = {"missing": missing}
        if unreadable:
            detail["unreadable"] = unreadable
        raise NotConfigured(f"{' and '.join(missing)} not found", detail=detail)
    clean_key = _checked_key(found[KEY], KEY)
    token = _checked_key(found[TOKEN] or "", TOKEN) or None
    pinned = claims(token or clean_key).get("workspace")
    name = pinned or found[WORKSPACE] or DEFAULT_WORKSPACE
    return Settings(_checked_url(found[URL]), clean_key, checked_name(name, "workspace"), token)


def nearest_env_file(directory: Path | None, unreadable: list[str]) -> dict[str, str]:
    """Our variables of the nearest `.env`, from `directory` upwards, that has url or key.

    One that cannot be read is passed over, and named in `unreadable`.
    """
    for folder in () if directory is None else (directory, *directory.parents):
        path = folder / ".env"
        try:
            if not path.is_file():
                continue
            from dotenv import dotenv_values  # only who has no environment pays for it

            # Some editors begin UTF-8 with a mark, which would be a part of the first name.
            values = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
        except OSError as problem:
            unreadable.append(f"{path} ({problem.strerror})")
            continue
        except UnicodeDecodeError:
            unreadable.append(f"{path} (is not UTF-8)")
            continue
        names = (URL, KEY, WORKSPACE, TOKEN)
        ours = {name: value for name in names if (value := values.get(name))}
        if URL in ours or KEY in ours:
            return ours
    return {}


def main_worktree(directory: Path | None) -> Path | None:
    """The main worktree of the repository of which this folder lies in another one, else None.

    Git leaves a file `.git` there instead of a folder. Agents that work in worktrees side by side
    are to share the state of the one checkout where `make up` was run.
    """
    for folder in () if directory is None else (directory, *directory.parents):
        try:
            if not (folder / ".git").exists():
                continue
            private = folder / (folder / ".git").read_text().strip().removeprefix("gitdir: ")
            common = (private / (private / "commondir").read_text().strip()).resolve()
        except (OSError, ValueError):  # a folder, as of any checkout; or a submodule
            return None
        return common.parent if common.name == ".git" else None
    return None


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return None


def claims(key: str) -> dict[str, Any]:
    """The payload of a JWT, unverified (the server verifies); {} for any other kind of key."""
    try:
        payload = key.split(".")[1]
        value = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def name_fault(name: Any) -> str | None:
    """Why `name` is no name, as the database says it; None where it is one."""
    if not isinstance(name, str):
        return "is no text"
    if not name:
        return "is empty"
    if len(name) > 128:
        return "has more than 128 characters"
    if re.search(r"[\x00-\x1f\x7f-\x9f]", name):
        return "has a control character"
    if name[0] == " " or name[-1] == " ":
        return "begins or ends with a space"
    if re.search("[\ud800-\udfff]", name):
        return "is no valid Unicode"
    return None if unicodedata.is_normalized("NFC", name) else "is not in Unicode NFC"


def checked_name(value: Any, argument: str) -> str:
    """A name as the database accepts it; InvalidArgument otherwise."""
    if reason := name_fault(value):
        raise InvalidArgument.of(argument, reason, value=value, hint=NAME_HINT)
    return cast(str, value)


def workspace_header(name: str) -> dict[str, str]:
    """The header that names the workspace: percent-encoded, because headers are ASCII."""
    return {"x-workspace": quote(name, safe="/:@")}


def _checked_url(value: Any) -> str:
    url = value.strip().rstrip("/").removesuffix("/rest/v1") if isinstance(value, str) else ""
    if url.isprintable() and (found := re.fullmatch(r"(https?://)([^\s/?#@]+)(/[^\s?#]*)?", url)):
        try:
            # Hosts of other alphabets go over the wire in ASCII, as in the header Host.
            host = found[2].encode("idna").decode("ascii")
            address = found[1] + host + quote(found[3] or "", safe="/%:@!$&'()*+,;=~")
            parts = urlsplit(address)
            if parts.hostname and parts.port != 0:
                return address
        except ValueError:  # for a port that is no number, or brackets around no address
            pass
    # Without a user and a password, which may have any character.
    shown = f"…@{value.rpartition('@')[2]}" if isinstance(value, str) and "@" in value else value
    raise InvalidArgument.of("url", "is no http(s) address", value=shown, hint=URL_HINT)


def _checked_key(value: Any, name: str) -> str:
    key = value.strip() if isinstance(value, str) else " "
    if key.isascii() and key.isprintable() and " " not in key:
        return key
    # The value itself is not shown: it may be most of a real key.
    raise InvalidArgument.of(
        "key", "contains characters that no key has", hint=f"Copy {name} again, in one line."
    )
