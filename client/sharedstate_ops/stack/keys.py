"""Secrets of one installation: made on the first start, kept with mode 0600, never shipped."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.files import write_private
from sharedstate_ops.stack.processes import HOST

DATABASE = "agentcad"
TEN_YEARS = timedelta(days=3653)
# PostgREST refuses what is dated over 30 s later than its own clock: ours may be ahead by more.
_DATED_BACK_S = 60


@dataclass(frozen=True, repr=False)
class Keys:
    """All secrets, shown by no repr; passwords are of the database roles with the same name."""

    jwt_secret: str
    agent_key: str
    anon_key: str
    service_key: str
    supabase_admin_password: str
    postgres_password: str
    authenticator_password: str

    def address(self, port: int, user: str = "postgres", database: str = DATABASE) -> str:
        """The address of the embedded database; the password may hold any character."""
        password = quote(getattr(self, f"{user}_password"), safe="")
        return f"postgresql://{user}:{password}@{HOST}:{port}/{database}"


def make_token(
    secret: str,
    role: str,
    *,
    workspace: str | None = None,
    agent: str | None = None,
    ttl: timedelta | float = TEN_YEARS,
) -> str:
    """A signed key for `role` (anon, authenticated, service_role).

    `workspace` and `agent` pin the holder to them; without them the caller chooses. `ttl` is a
    timedelta or seconds.

    >>> key = make_token("s" * 40, "authenticated", workspace="demo", ttl=3600)
    """
    # It loads all of `cryptography`, and only the first start and tests sign anything.
    import jwt

    now = int(time.time())
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    claims = {
        "iss": "sharedstate",
        "role": role,
        "iat": now - _DATED_BACK_S,
        "exp": now + int(seconds),
        "workspace": workspace,
        "agent": agent,
    }
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, secret, algorithm="HS256")


def new_secret() -> str:
    """What keys are signed with: 256 random bits."""
    return secrets.token_hex(32)


def new_password() -> str:
    """Hexadecimal, so that it needs no quoting in addresses."""
    return secrets.token_hex(16)


def new_keys() -> Keys:
    """Fresh secrets of all kinds."""
    secret = new_secret()
    return Keys(
        jwt_secret=secret,
        agent_key=make_token(secret, "authenticated"),
        anon_key=make_token(secret, "anon"),
        service_key=make_token(secret, "service_role"),
        supabase_admin_password=new_password(),
        postgres_password=new_password(),
        authenticator_password=new_password(),
    )


def rotated(keys: Keys) -> Keys:
    """Another secret and the keys that it signs; the passwords stay."""
    passwords = {name: value for name, value in asdict(keys).items() if name.endswith("_password")}
    return replace(new_keys(), **passwords)


def read_keys(path: Path) -> Keys | None:
    """The keys in a file, None when there is none; StackError when it is no key file."""
    try:
        stored = json.loads(path.read_text())
        return Keys(**{field.name: str(stored[field.name]) for field in fields(Keys)})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise StackError(
            f"{path} cannot be read: {type(error).__name__}: {error}.",
            hint="Delete it: the next start makes new keys, and keeps the data.",
        ) from error


def write_keys(path: Path, keys: Keys) -> Keys:
    """Replace the key file in one step; answers the keys."""
    write_private(path, json.dumps(asdict(keys), indent=2) + "\n")
    return keys
