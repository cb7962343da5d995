"""One call of a function of the database, with the standard library only.

    settings = load(os.environ, project.root, project.workspace)
    call(settings, "get_lock_status", {...}, deadline=time.monotonic() + 2)

Hooks run this at each tool call. So it speaks HTTP itself: importing http.client takes longer than
all else that a hook does. And a deadline is one for the whole call, not for each packet.
"""

from __future__ import annotations

import binascii
import json
import os
import re
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sharedstate_agents import project

if TYPE_CHECKING:
    import socket

NAMES = ("SUPABASE_URL", "SUPABASE_KEY", "SHAREDSTATE_WORKSPACE", "SHAREDSTATE_TOKEN")
URL, KEY, WORKSPACE, TOKEN = NAMES
_CHUNK_BYTES = 65536
_NO_GATEWAY = f"The answer is not that of a database. Is {URL} the gateway?"
_FOREIGN_KEY = "It has expired, or is not of this installation: its .env has one that is."
_WORKSPACES = "`sharedstate workspaces` lists them, `sharedstate init --workspace NAME` makes one."


class CallFailed(Exception):
    """A call without a result. `slug` says what happened, as in docs/errors.md; `hint` what to do.

    Slugs of our own: not_configured, invalid_settings, unreachable, timeout; and invalid_key, as
    the Python client has it, for a key that PostgREST cannot verify. `status` is that of
    HTTP, None without an answer. No text of it has a key.
    """

    def __init__(self, slug: str, hint: str = "", status: int | None = None) -> None:
        super().__init__(f"{slug}: {hint}" if hint else slug)
        self.slug = slug
        self.hint = hint
        self.status = status


class Settings(NamedTuple):
    """Where the service is, and who we are. `token` is who we are where the key does not say it."""

    url: str
    key: str
    workspace: str = "default"
    token: str | None = None

    def __repr__(self) -> str:
        return f"Settings({self.url!r}, workspace={self.workspace!r})"

    @property
    def agent(self) -> str | None:
        """The agent that our token, or else the key, speaks for; None when it names none."""
        agent = claims(self.token or self.key).get("agent")
        return agent if isinstance(agent, str) else None


def load(variables: Mapping[str, str], folder: str, workspace: str | None = None) -> Settings:
    """Settings from the environment, then from the nearest `.env`, from `folder` upwards.

    In a git worktree without one, that of the main worktree counts. `workspace` (that of
    sharedstate.toml) goes before SHAREDSTATE_WORKSPACE; a claim in the token before both, in the
    database. CallFailed "not_configured" when url or key cannot be found.
    """
    found = {name: variables.get(name, "") for name in NAMES}
    if not (found[URL] and found[KEY] and found[WORKSPACE]):
        from_file = _nearest_env_file(folder) or _nearest_env_file(project.main_worktree(folder))
        if found[KEY]:
            # A token goes with its key: that of the file says nothing about a key from elsewhere.
            from_file.pop(TOKEN, None)
        found = {name: value or from_file.get(name, "") for name, value in found.items()}
    if missing := [name for name in (URL, KEY) if not found[name]]:
        hint = "Set them, or run `sharedstate up`, which writes .env."
        raise CallFailed("not_configured", f"{' and '.join(missing)} not found. {hint}")
    found = {name: value.strip() for name, value in found.items()}
    for name in (KEY, TOKEN):
        if not re.fullmatch(r"[!-~]*", found[name]):
            raise CallFailed("invalid_settings", f"{name} contains characters that no key has.")
    url = found[URL].rstrip("/").removesuffix("/rest/v1")
    name = workspace or found[WORKSPACE] or "default"
    return Settings(url, found[KEY], name, found[TOKEN] or None)


def claims(key: str) -> dict[str, Any]:
    """The payload of a JWT, unverified (the server verifies); {} for any other kind of key."""
    try:
        payload = key.split(".")[1].replace("-", "+").replace("_", "/")
        value = json.loads(binascii.a2b_base64(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def call(
    settings: Settings, function: str, arguments: Mapping[str, Any], *, deadline: float
) -> Any:
    """The answer of a function. `deadline` is a time of time.monotonic(), for the whole call.

    CallFailed when it refuses, does not answer in time or cannot be reached.
    """
    found = re.fullmatch(r"(https?)://(\[[^\]]+\]|[^/:?#@\s]+)(?::(\d+))?(/[!-~]*)?", settings.url)
    if not found:
        raise CallFailed("invalid_settings", f"{URL} looks like http://127.0.0.1:8000.")
    scheme, host, port, path = found[1], found[2], found[3], found[4] or ""
    name = host.encode("idna").decode() if not host.isascii() else host
    request = _request(settings, f"{path}/rest/v1/rpc/{function}", name, port, arguments)
    address = (name.strip("[]"), int(port or (443 if scheme == "https" else 80)))
    import socket  # most events of a session need no call

    try:
        with socket.create_connection(address, timeout=_left(deadline)) as plain:
            connection: socket.socket = plain
            if scheme == "https":
                import ssl  # takes as long as all else; a service on this machine needs none

                context = ssl.create_default_context()
                connection = context.wrap_socket(plain, server_hostname=address[0])
            connection.settimeout(_left(deadline))
            connection.sendall(request)
            answer = b"".join(_received(connection, deadline))
    except TimeoutError as problem:
        raise CallFailed("timeout", f"{settings.url} does not answer in time.") from problem
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        hint = f"{settings.url}: {reason}. Is it running? `sharedstate up` starts it here."
        raise CallFailed("unreachable", hint) from problem
    return _result(answer)


def _request(
    settings: Settings, path: str, host: str, port: str | None, arguments: Mapping[str, Any]
) -> bytes:
    """HTTP/1.0, whose answers come in one piece and end with the connection."""
    body = json.dumps(arguments).encode()
    headers = {
        "Host": f"{host}:{port}" if port else host,
        "Content-Type": "application/json",
        "Content-Length": len(body),
        "apikey": settings.key,
        "x-workspace": _percent_encoded(settings.workspace),
    }
    bearer = settings.token or (None if settings.key.startswith("sb_") else settings.key)
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    lines = [f"POST {path} HTTP/1.0", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _percent_encoded(text: str) -> str:
    """Headers are ASCII, and names may be of any script."""
    encoded = re.sub(rb"[^\w.~/:@-]", lambda byte: b"%%%02X" % byte[0][0], text.encode())
    return encoded.decode("ascii")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _received(connection: socket.socket, deadline: float) -> Iterable[bytes]:
    while True:
        connection.settimeout(_left(deadline))
        chunk = connection.recv(_CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


def _result(answer: bytes) -> Any:
    head, _, body = answer.partition(b"\r\n\r\n")
    status = re.match(rb"HTTP/1\.\d (\d{3})", head)
    if not status:
        raise CallFailed("unreachable", _NO_GATEWAY)
    is_success = status[1].startswith(b"2")
    try:
        value = json.loads(body)
    except ValueError:
        if is_success:
            raise CallFailed("unreachable", _NO_GATEWAY) from None
        value = None
    if is_success:
        return value
    error = value if isinstance(value, dict) else {}
    code, message = str(error.get("code") or ""), str(error.get("message") or "")
    if code in ("PGRST301", "PGRST302", "PGRST303"):
        raise CallFailed("invalid_key", _FOREIGN_KEY, int(status[1]))
    slug = message if code.startswith("PT") else code or f"http_{status[1].decode()}"
    # What PostgREST and Postgres say themselves is in the message; our own hints are in the hint.
    hint = error.get("hint") or (message if slug != message else "")
    if slug == "unknown_workspace":
        hint = f"There is no workspace {json.loads(error['details'])['workspace']}. {_WORKSPACES}"
    raise CallFailed(slug, str(hint), int(status[1]))


def _nearest_env_file(folder: str | None) -> dict[str, str]:
    """Our variables of the nearest `.env`, from `folder` upwards, that has url or key."""
    for parent in project.upwards(folder) if folder else ():
        try:
            with open(os.path.join(parent, ".env"), encoding="utf-8-sig") as file:
                ours = dict(_assignments(file.read()))
        except (OSError, UnicodeDecodeError):  # none here, or none that we can read
            continue
        if URL in ours or KEY in ours:
            return ours
    return {}


def _assignments(text: str) -> Iterable[tuple[str, str]]:
    """What python-dotenv reads of our variables: quotes, `export` and comments; no escapes."""
    line = r"^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*(?:'([^']*)'|\"([^\"]*)\"|([^\n]*))"
    for name, single, double, bare in re.findall(line, text, re.MULTILINE):
        value = single or double or re.sub(r"(^|\s+)#.*", "", bare).strip()
        if name in NAMES and value:
            yield name, value
