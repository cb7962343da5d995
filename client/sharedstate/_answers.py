"""From an HTTP answer to our exception: pure functions of status and body."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from sharedstate import errors
from sharedstate.config import claims
from sharedstate.errors import SharedStateError

_CODES: dict[type[SharedStateError], str] = {
    errors.PermissionDenied: "42501",
    errors.StatementTimeout: "57014 55P03",
    errors.SchemaMissing: "42883 42P01 PGRST106 PGRST202 PGRST205",
    errors.InvalidKey: "PGRST301 PGRST302 PGRST303",
    # 57P..: Postgres stops, stopped or starts; the session ended, with what it was doing.
    errors.ServiceUnavailable: "PGRST000 PGRST001 PGRST002 PGRST003 57P01 57P02 57P03",
    # Values that Postgres could not take before our own checks saw them, or nested too deeply.
    errors.InvalidArgument: "PGRST100 PGRST102 22P02 22P05 22003 22007 22008 22021 23514 54001",
    # The answer is too large for Postgres. PostgREST says 413, which else is about the request.
    errors.UnexpectedError: "54000",
}
_BY_CODE = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
_BY_STATUS: dict[int, type[SharedStateError]] = {
    401: errors.InvalidKey,
    413: errors.PayloadTooLarge,
    414: errors.UriTooLong,
    502: errors.ServiceUnavailable,
    503: errors.ServiceUnavailable,
    504: errors.ServiceUnavailable,
    **dict.fromkeys(range(520, 525), errors.ServiceUnavailable),  # Cloudflare's
}
# "JWTIssuedAtFuture" of PostgREST 12 is "JWT issued at future" since 13.
_EARLY = re.compile(r"issued ?(at|in) ?(the )?future|not ?yet ?valid", re.IGNORECASE)
_EXPIRED = re.compile(r"\bexpired\b", re.IGNORECASE)


def error_from(
    status: int, body: bytes, location: str = "", token: str | None = None
) -> SharedStateError:
    """The exception for an answer that is no success.

    The body may be PostgREST's JSON, another JSON, a proxy's HTML page or nothing at all. `token`
    is what the call was made with; it tells when it expired.
    """
    answer = _json_object(body)
    text = "" if answer else body[:2000].decode("utf-8", "replace").strip()
    message = _text(answer.get("message") or answer.get("msg") or answer.get("error"))
    code = _text(answer.get("code"))
    hint = _text(answer.get("hint"))
    detail, raw = _detail(answer.get("details"))
    kind = _kind(status, code, message)
    if status == 400 and "code" in answer and not code and not message:
        kind = errors.ServiceUnavailable  # so PostgREST 12 says that its session ended mid-call
    if kind is errors.InvalidKey and _EARLY.search(message):
        kind = errors.ClockSkew
    elif kind is errors.InvalidKey and _EXPIRED.search(message):
        kind, message = errors.ExpiredKey, message + _end_of(token)
    if kind is errors.InvalidArgument and message != kind.slug and not detail:
        detail = {"reason": message}
    if 300 <= status < 400:
        hint = f"Set SUPABASE_URL to where the service answers itself ({location or 'redirected'})."
    return kind(
        message or f"HTTP {status} without a message",
        detail=detail,
        raw=raw or text,
        hint=hint,
        code=code,
        status=status,
    )


def not_applied(problem: SharedStateError) -> bool:
    """Whether the answer says for certain that the database did nothing.

    PGRST001 also comes when the connection broke after a commit, and a proxy's 502 to 504 when
    the answer was lost on the way; our gateway tells whether it reached PostgREST at all.
    """
    if problem.code in ("PGRST000", "PGRST002", "PGRST003", "40001", "40P01"):
        return True
    if isinstance(problem, errors.ClockSkew):
        return True
    return problem.message == "service_unavailable" and problem.detail.get("reached") is False


def may_retry(problem: SharedStateError) -> bool:
    """Whether the same call may succeed a moment later."""
    # A transaction that lost against another (deadlock, serialisation) was rolled back; and a key
    # from a clock that is a little ahead will soon be good.
    passing = (errors.ServiceUnavailable, errors.ClockSkew)
    return isinstance(problem, passing) or problem.code in ("40001", "40P01")


def _kind(status: int, code: str, message: str) -> type[SharedStateError]:
    if message in errors.BY_SLUG and (code.startswith("PT") or status in _BY_STATUS):
        return errors.BY_SLUG[message]
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code == "22023" and message.startswith("role "):
        return errors.InvalidKey  # the token names a role that the database does not have
    return _BY_STATUS.get(status, errors.UnexpectedError)


def _end_of(token: str | None) -> str:
    """When a token expired, as the end of a sentence; empty when it does not say."""
    try:
        end = datetime.fromtimestamp(claims(token or "")["exp"], UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return ""
    return f" at {end.isoformat(timespec='seconds')}"


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _detail(value: Any) -> tuple[dict[str, Any], str]:
    if isinstance(value, dict):
        return value, json.dumps(value)
    raw = _text(value)
    return _json_object(raw.encode()), raw
