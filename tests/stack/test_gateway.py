"""What nginx adds in front of PostgREST."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Callable, Iterator

import httpx
import pytest

from sharedstate import errors
from sharedstate._answers import error_from
from sharedstate_ops.stack import Stack, StackInfo, processes
from sharedstate_ops.stack.gateway import render
from sharedstate_ops.stack.keys import make_token
from sharedstate_ops.stack.paths import asset


@pytest.fixture
def client(stack: StackInfo) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, trust_env=False, timeout=60) as made:
        yield made


def test_a_body_of_50_mb_is_refused_with_a_json_answer(
    client: httpx.Client, stack: StackInfo
) -> None:
    body = b'{"a": "' + b"x" * 50_000_000 + b'"}'
    headers = {"apikey": stack.agent_key, "content-type": "application/json"}
    answer = client.post("/rest/v1/rpc/health", content=body, headers=headers)
    assert answer.status_code == 413
    error = answer.json()
    assert error["message"] == "payload_too_large"
    assert json.loads(error["details"]) == {"limit_bytes": 10 * 1024 * 1024}
    assert set(error) == {"code", "message", "details", "hint"}


def test_a_body_below_the_limit_reaches_the_database(
    client: httpx.Client, stack: StackInfo
) -> None:
    body = b'{"a": "' + b"x" * 9_000_000 + b'"}'
    headers = {"apikey": stack.agent_key, "content-type": "application/json"}
    answer = client.post("/rest/v1/rpc/health", content=body, headers=headers)
    # PostgREST's answer: there is no such function with this argument.
    assert answer.status_code == 404
    assert answer.json()["code"] != "PT413"


def test_the_key_in_apikey_alone_is_enough(client: httpx.Client, stack: StackInfo) -> None:
    answer = client.get("/rest/v1/subsystems?limit=1", headers={"apikey": stack.agent_key})
    assert answer.status_code == 200


def test_an_authorization_header_wins_over_apikey(client: httpx.Client, stack: StackInfo) -> None:
    headers = {"apikey": stack.agent_key, "authorization": "Bearer not.a.token"}
    assert client.get("/rest/v1/subsystems?limit=1", headers=headers).status_code == 401


@pytest.mark.parametrize("path", ["/rest/v2/x", "/auth/v1/health", "/rest/v1x", "/favicon.ico"])
def test_everything_outside_of_the_api_is_a_404_in_json(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["message"] == "not_found"


def test_an_address_that_is_too_long_is_refused_with_a_json_answer(
    client: httpx.Client, stack: StackInfo
) -> None:
    address = "/rest/v1/subsystems?name=eq." + "x" * 17_000
    answer = client.get(address, headers={"apikey": stack.agent_key})
    assert answer.status_code == 414
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"code", "message", "details", "hint"}
    problem = error_from(answer.status_code, answer.content)
    assert isinstance(problem, errors.UriTooLong)
    assert "fewer or shorter filters" in problem.hint


def _raw(stack: StackInfo, request: bytes) -> httpx.Response:
    """The answer to bytes that no library would send."""
    host, port = stack.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


_RPC = b"/rest/v1/rpc/health HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status", "message"),
    [
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET /rest/v1/ HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"POST " + _RPC + b"Content-Length: many\r\n\r\n", 400, "bad_request"),
        (b"POST " + _RPC + b"Transfer-Encoding: chunked\r\n\r\nnone\r\n\r\n", 400, "bad_request"),
        (b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404, "not_found"),
        (b"GET /gateway_error HTTP/1.1\r\nHost: x\r\n\r\n", 404, "not_found"),
        (b"TRACE " + _RPC + b"\r\n", 405, "bad_request"),
        (b"POST /board/main.js HTTP/1.1\r\nHost: x\r\n\r\n", 405, "bad_request"),
        (b"GET /board/main.js HTTP/1.1\r\nHost: x\r\nIf-Match: x\r\n\r\n", 412, "bad_request"),
        (b"POST " + _RPC + b"Content-Length: 50000000\r\n\r\n", 413, "payload_too_large"),
        (b"GET /" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long"),
        (b"GET " + _RPC + b"apikey: " + b"x" * 17_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET " + _RPC + (b"a: " + b"x" * 7_000 + b"\r\n") * 8, 431, "headers_too_large"),
        (b"POST " + _RPC + b"Transfer-Encoding: gzip\r\n\r\n", 501, "bad_request"),
        (b"GET / HTTP/4.0\r\nHost: x\r\n\r\n", 505, "bad_request"),
    ],
)
def test_every_error_of_nginx_s_own_is_json_of_our_shape_that_a_page_may_read(
    stack: StackInfo, request_bytes: bytes, status: int, message: str
) -> None:
    answer = _raw(stack, request_bytes)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    error = answer.json()
    assert error.keys() == {"code", "message", "details", "hint"}
    assert (error["code"], error["message"]) == (f"PT{status}", message)
    assert error["hint"]
    assert answer.headers["access-control-allow-origin"] == "*"


def test_no_status_that_nginx_gives_by_itself_is_left_to_its_own_page() -> None:
    """Those of its table of pages, without redirects, TLS and ranges, of which there are none."""
    template = asset("gateway", "nginx.conf.template").read_text()
    named = set(re.findall(r"\d+", " ".join(re.findall(r"error_page (.*) /", template))))
    assert named >= {"400", "404", "405", "411", "412", "413", "414", "494", "500"}
    assert named >= {"501", "502", "503", "504", "505"}


def _long_token(stack: StackInfo, length: int) -> str:
    return make_token(stack.jwt_secret, "authenticated", agent="a" * length)


def test_a_token_of_8_kb_is_taken_in_both_headers(client: httpx.Client, stack: StackInfo) -> None:
    token = _long_token(stack, 6_200)
    assert len(token) > 8 * 1024
    headers = {"apikey": token, "authorization": f"Bearer {token}"}
    for sent in (headers, {"apikey": token}):
        answer = client.get("/rest/v1/subsystems?limit=1", headers=sent)
        assert answer.status_code == 200, answer.text


def test_whatever_nginx_lets_through_is_not_too_long_for_postgrest(
    client: httpx.Client, stack: StackInfo
) -> None:
    """The key alone, which goes on as another header, beside the longest address."""
    headers = {"apikey": _long_token(stack, 11_500), "x-more": "x" * 16_000}
    assert len(headers["apikey"]) > 15_500
    query = "limit=1&" + "&".join(["name=neq.none"] * 1_150)
    answer = client.get(f"/rest/v1/subsystems?{query}", headers=headers)
    assert len(query) > 16_000
    assert answer.status_code == 200, answer.text


def test_the_api_without_its_last_slash_is_the_api(client: httpx.Client, stack: StackInfo) -> None:
    headers = {"apikey": stack.agent_key}
    answer = client.get("/rest/v1", headers=headers)
    assert answer.status_code == 200
    assert answer.json() == client.get("/rest/v1/", headers=headers).json()
    # No redirect, which some repeat without the method and the body.
    assert not client.post("/rest/v1", headers=headers, json={}).has_redirect_location


def test_the_root_says_what_this_is(client: httpx.Client) -> None:
    assert client.get("/").json() == {"name": "sharedstate", "api": "/rest/v1/", "board": "/board/"}


def test_connections_stay_open(client: httpx.Client, stack: StackInfo) -> None:
    for _ in range(3):
        answer = client.get("/rest/v1/rpc/health", headers={"apikey": stack.anon_key})
        assert answer.status_code == 200
        assert answer.headers["connection"] == "keep-alive"


def test_when_postgrest_is_gone_the_gateway_says_service_unavailable(
    scratch_stack: Callable[[], Stack],
) -> None:
    stack = scratch_stack()
    info = stack.up()
    process = stack.living()["postgrest"]
    process.kill()
    assert processes.wait_gone(process, 10)
    answer = httpx.get(f"{info.url}/rest/v1/rpc/health", trust_env=False)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "PT503"
    assert answer.json()["message"] == "service_unavailable"
    assert json.loads(answer.json()["details"]) == {"reached": False}
    assert "sharedstate up" in answer.json()["hint"]
    assert [part.running for part in stack.status()] == [True, False, False]
    info = stack.up()
    assert httpx.get(f"{info.url}/rest/v1/rpc/health", trust_env=False).status_code == 200


def test_an_error_of_postgrests_own_passes_through_unchanged(
    scratch_stack: Callable[[], Stack],
) -> None:
    info = scratch_stack().up()
    answer = httpx.post(f"{info.url}/rest/v1/rpc/broken", json={}, trust_env=False)
    assert answer.status_code == 503
    assert answer.json()["message"] == "made_by_postgrest"


def test_when_the_database_is_gone_the_answer_is_a_503_in_json_and_status_says_why(
    scratch_stack: Callable[[], Stack],
) -> None:
    stack = scratch_stack()
    info = stack.up()
    process = stack.living()["postgres"]
    process.kill()
    assert processes.wait_gone(process, 10)
    answer = httpx.get(f"{info.url}/rest/v1/notes", trust_env=False, timeout=30)
    assert answer.status_code in (502, 503, 504)
    # Of PostgREST about its connections, or of the connection that was cut.
    assert answer.json()["code"].startswith(("PGRST00", "57P0"))
    postgres, _, nginx = stack.status()
    assert postgres.detail == f"killed: no process {process.pid}"
    assert not nginx.running


def test_only_the_named_values_of_the_template_are_filled_in() -> None:
    assert render("listen ${PORT}; $http_apikey ${PORT}", {"PORT": "1"}) == (
        "listen 1; $http_apikey 1"
    )
