"""Answers to exceptions: classes, slugs and the registry in docs/errors.md."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sharedstate import errors
from sharedstate._answers import error_from, may_retry, not_applied
from sharedstate.config import claims
from sharedstate_ops.stack.keys import make_token

REGISTRY = Path(__file__).parents[2] / "docs" / "errors.md"


def _answer(code: str | None, message: str, details: Any = None, hint: str | None = None) -> bytes:
    body = {"code": code, "message": message, "details": details, "hint": hint}
    return json.dumps(body).encode()


def test_the_registry_and_the_classes_name_the_same_slugs() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| `(\w+)` \|", REGISTRY.read_text(), re.MULTILINE)
    assert dict(rows) == {slug: kind.__name__ for slug, kind in errors.BY_SLUG.items()}
    assert len(rows) == len(errors.BY_SLUG)


def test_the_registry_lists_each_slug_under_who_raises_it() -> None:
    text = REGISTRY.read_text()
    sections = {"database": "From the database", "gateway": "From the gateway"}
    for slug, kind in errors.BY_SLUG.items():
        title = sections.get(kind.raised_by, "Made by the Python client")
        section = text.split(f"## {title}\n")[1].split("\n## ")[0]
        assert f"| `{slug}` |" in section


@pytest.mark.parametrize(
    "slug", [slug for slug, kind in errors.BY_SLUG.items() if kind.raised_by != "client"]
)
def test_a_slug_becomes_its_class_with_all_that_was_said(slug: str) -> None:
    problem = error_from(409, _answer("PT409", slug, '{"argument": "x"}', "do this"))
    assert type(problem) is errors.BY_SLUG[slug]
    assert problem.slug == slug
    assert problem.detail == {"argument": "x"}
    assert problem.raw == '{"argument": "x"}'
    assert problem.hint == "do this"
    assert (problem.code, problem.status) == ("PT409", 409)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (401, "PGRST301", "JWT expired", errors.ExpiredKey),
        (401, "PGRST301", "JWTIssuedAtFuture", errors.ClockSkew),
        (401, "PGRST301", "JWTNotYetValid", errors.ClockSkew),
        (401, "PGRST301", "JWSError JWSInvalidSignature", errors.InvalidKey),
        (401, "PGRST302", "Anonymous access is disabled", errors.InvalidKey),
        (401, "PGRST303", "JWT expired", errors.ExpiredKey),
        (401, "PGRST303", "JWT issued at future", errors.ClockSkew),
        (401, "PGRST303", "JWT not yet valid", errors.ClockSkew),
        (401, "PGRST303", "JWT not in audience", errors.InvalidKey),
        (400, "22023", 'role "robot" does not exist', errors.InvalidKey),
        (400, "22023", "something else", errors.UnexpectedError),
        (401, "42501", "permission denied for function f", errors.PermissionDenied),
        (403, "42501", "permission denied for table t", errors.PermissionDenied),
        (404, "42883", "function does not exist", errors.SchemaMissing),
        (404, "42P01", "relation does not exist", errors.SchemaMissing),
        (404, "PGRST202", "Could not find the function", errors.SchemaMissing),
        (404, "PGRST205", "Could not find the table", errors.SchemaMissing),
        (500, "57014", "canceling statement due to statement timeout", errors.StatementTimeout),
        (
            500,
            "57P01",
            "terminating connection due to administrator command",
            errors.ServiceUnavailable,
        ),
        (500, "55P03", "canceling statement due to lock timeout", errors.StatementTimeout),
        (400, "22P02", "invalid input syntax for type integer", errors.InvalidArgument),
        (400, "22P05", "unsupported Unicode escape sequence", errors.InvalidArgument),
        (503, "PGRST000", "Database connection error", errors.ServiceUnavailable),
        (504, "PGRST003", "Timed out acquiring connection", errors.ServiceUnavailable),
        (409, "PT409", "slug_of_a_newer_server", errors.UnexpectedError),
        (400, "P0001", "lease_lost", errors.UnexpectedError),
        (413, "54000", "total size of jsonb object elements exceeds", errors.UnexpectedError),
        (418, None, "I am a teapot", errors.UnexpectedError),
    ],
)
def test_a_code_of_postgrest_or_postgres_becomes_a_class(
    status: int, code: str | None, message: str, kind: type[errors.SharedStateError]
) -> None:
    problem = error_from(status, _answer(code, message))
    assert type(problem) is kind
    assert problem.message == message
    assert message in str(problem)


def test_an_answer_with_nothing_in_it_is_a_session_that_ended_mid_call() -> None:
    """So PostgREST 12 answers when its backend was terminated without a word."""
    problem = error_from(400, _answer("", ""))
    assert type(problem) is errors.ServiceUnavailable
    assert may_retry(problem)
    assert not not_applied(problem)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><h1>Bad Gateway</h1></html>", b"\xff\xfe\x00", b"[1, 2]", b'"text"', b"{", b"{}"],
)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.InvalidKey),
        (404, errors.UnexpectedError),
        (413, errors.PayloadTooLarge),
        (502, errors.ServiceUnavailable),
        (520, errors.ServiceUnavailable),
    ],
)
def test_a_body_that_is_not_postgrest_s_is_read_by_status(
    body: bytes, status: int, kind: type[errors.SharedStateError]
) -> None:
    problem = error_from(status, body)
    assert type(problem) is kind
    assert problem.status == status
    assert f"HTTP {status}" in str(problem)


def test_a_numeric_code_and_details_that_are_no_text_are_read() -> None:
    body = json.dumps({"code": 57014, "message": "m", "details": {"a": 1}, "hint": None}).encode()
    problem = error_from(500, body)
    assert type(problem) is errors.StatementTimeout
    assert problem.detail == {"a": 1}


def test_details_that_are_no_object_stay_as_text() -> None:
    problem = error_from(409, _answer("PT409", "lease_lost", "since ten o'clock"))
    assert problem.detail == {}
    assert problem.raw == "since ten o'clock"
    assert "since ten o'clock" in str(problem)


def test_a_kong_message_about_the_key_is_an_invalid_key() -> None:
    problem = error_from(401, b'{"message": "Invalid authentication credentials"}')
    assert type(problem) is errors.InvalidKey
    assert "Invalid authentication" in str(problem)


@pytest.mark.parametrize("code", ["PGRST301", "PGRST303"])
def test_of_an_expired_key_it_is_said_since_when_and_how_to_make_another(code: str) -> None:
    key = make_token("s" * 40, "authenticated", ttl=-3600)
    problem = error_from(401, _answer(code, "JWT expired"), token=key)
    end = datetime.fromtimestamp(claims(key)["exp"], UTC).isoformat()
    assert f"expired at {end}" in str(problem)
    assert "sharedstate token" in str(problem)
    assert not any(part in str(problem) for part in key.split("."))
    assert isinstance(problem, errors.InvalidKey)


@pytest.mark.parametrize("end", ["soon", None, 1e300, float("nan"), -1e300, True, [1]])
def test_an_expired_key_with_an_unreadable_expiry_is_still_expired_key(end: Any) -> None:
    payload = base64.urlsafe_b64encode(json.dumps({"exp": end}).encode()).decode().rstrip("=")
    problem = error_from(401, _answer("PGRST303", "JWT expired"), token=f"a.{payload}.c")
    assert type(problem) is errors.ExpiredKey


def test_a_key_that_is_dated_ahead_is_tried_again_for_nothing_was_done() -> None:
    problem = error_from(401, _answer("PGRST303", "JWT issued at future"))
    assert may_retry(problem) and not_applied(problem)
    assert isinstance(problem, errors.InvalidKey)
    assert "clock" in str(problem) and "SUPABASE_KEY" not in str(problem)


def test_a_redirect_says_where_the_service_is() -> None:
    problem = error_from(301, b"", "https://service.test/rest/v1/rpc/health")
    assert type(problem) is errors.UnexpectedError
    assert "https://service.test/" in problem.hint


def test_the_text_names_place_reason_and_what_to_do() -> None:
    problem = errors.InvalidArgument(
        detail={"argument": "priority", "reason": "is out of range", "value": 9}, hint="Use 1 to 4."
    )
    assert str(problem) == "invalid_argument: priority is out of range, value=9 — Use 1 to 4."
    assert str(errors.LeaseLost()) == "lease_lost"


def test_a_very_long_detail_is_cut_in_the_text_only() -> None:
    problem = errors.StaleVersion(detail={"actual": "x" * 5000})
    assert len(str(problem)) < 300
    assert len(problem.detail["actual"]) == 5000


@pytest.mark.parametrize("kind", errors.BY_SLUG.values())
def test_an_error_survives_pickling_and_copying(kind: type[errors.SharedStateError]) -> None:
    problem = kind("m", detail={"a": 1}, raw="r", hint="h", code="c", status=4, request_id="i")
    for other in (pickle.loads(pickle.dumps(problem)), copy.copy(problem)):
        assert type(other) is kind
        assert other.__dict__ == problem.__dict__
        assert str(other) == str(problem)


def test_an_invalid_argument_is_a_value_error_and_a_closed_client_a_runtime_error() -> None:
    assert issubclass(errors.InvalidArgument, ValueError)
    assert issubclass(errors.ClientClosed, RuntimeError)
    assert all(issubclass(kind, errors.SharedStateError) for kind in errors.BY_SLUG.values())
