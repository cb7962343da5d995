"""What nginx adds in front of PostgREST."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from sharedstate import errors
from sharedstate.http.answers import error_from
from sharedstate_ops.stack import Stack, StackInfo, processes
from sharedstate_ops.stack.gateway import render
from sharedstate_ops.stack.state import read_state


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
    address = "/rest/v1/subsystems?name=eq." + "x" * 9_000
    answer = client.get(address, headers={"apikey": stack.agent_key})
    assert answer.status_code == 414
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"code", "message", "details", "hint"}
    problem = error_from(answer.status_code, answer.content)
    assert isinstance(problem, errors.UriTooLong)
    assert "fewer or shorter filters" in problem.hint


def test_the_api_without_its_last_slash_is_the_api(client: httpx.Client, stack: StackInfo) -> None:
    headers = {"apikey": stack.agent_key}
    answer = client.get("/rest/v1", headers=headers)
    assert answer.status_code == 200
    assert answer.json() == client.get("/rest/v1/", headers=headers).json()
    # No redirect, which some repeat without the method and the body.
    assert not client.post("/rest/v1", headers=headers, json={}).has_redirect_location


def test_the_root_says_what_this_is(client: httpx.Client) -> None:
    assert client.get("/").json() == {"name": "sharedstate", "api": "/rest/v1/"}


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
    part = read_state(stack.home.state_file).parts["postgrest"]
    process = processes.find(part.pid, part.created)
    assert process is not None
    process.kill()
    assert processes.wait_gone(process, 10)
    answer = httpx.get(f"{info.url}/rest/v1/rpc/health", trust_env=False)
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["message"] == "service_unavailable"
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
    part = read_state(stack.home.state_file).parts["postgres"]
    process = processes.find(part.pid, part.created)
    assert process is not None
    process.kill()
    assert processes.wait_gone(process, 10)
    answer = httpx.get(f"{info.url}/rest/v1/notes", trust_env=False, timeout=30)
    assert answer.status_code in (502, 503, 504)
    # Of PostgREST about its connections, or of the connection that was cut.
    assert answer.json()["code"].startswith(("PGRST00", "57P0"))
    postgres, _, nginx = stack.status()
    assert postgres.detail == f"killed: no process {part.pid}"
    assert not nginx.running


def test_only_the_named_values_of_the_template_are_filled_in() -> None:
    assert render("listen ${PORT}; $http_apikey ${PORT}", {"PORT": "1"}) == (
        "listen 1; $http_apikey 1"
    )
