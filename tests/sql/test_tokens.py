"""Which tokens the API takes, and what the claims of one decide."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from tests.sql.mutations import MUTATION_BY_NAME
from tests.sql.support import Api, pinned_to

from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.keys import make_token


def token(stack: StackInfo, **claims: Any) -> str:
    return jwt.encode(
        {"role": "authenticated", "exp": int(time.time()) + 60, **claims},
        stack.jwt_secret,
        algorithm="HS256",
    )


BROKEN_TOKENS: dict[str, Callable[[StackInfo], str]] = {
    "expired": lambda stack: token(stack, exp=int(time.time()) - 3600),
    "not valid yet": lambda stack: token(stack, nbf=int(time.time()) + 3600),
    "of another installation": lambda stack: make_token("x" * 64, "service_role", ttl=60),
    "without a signature": lambda stack: jwt.encode({"role": "service_role"}, "", algorithm="none"),
    "with a changed payload": lambda stack: ".".join(
        [
            stack.agent_key.split(".")[0],
            stack.service_key.split(".")[1],
            stack.agent_key.split(".")[2],
        ]
    ),
    "no token": lambda stack: "let-me-in",
}


@pytest.mark.parametrize("kind", BROKEN_TOKENS)
def test_a_token_that_is_not_in_order_opens_nothing(api: Api, kind: str) -> None:
    key = BROKEN_TOKENS[kind](api.stack)
    mutation = MUTATION_BY_NAME["update_subsystem_status"]
    before = api.snapshot()
    status, answer = api.call(mutation.name, key=key, **mutation.arguments)
    assert (status, answer["code"][:5]) == (401, "PGRST"), answer
    answer = api.http.get("/subsystems", headers=api.headers(key))
    assert answer.status_code == 401
    assert api.snapshot() == before


@pytest.mark.parametrize("role", ["postgres", "supabase_admin", "authenticator", "nobody", ""])
def test_a_token_for_another_role_is_refused(api: Api, role: str) -> None:
    answer = api.http.get("/subsystems", headers=api.headers(token(api.stack, role=role)))
    assert answer.status_code in (400, 401, 403), answer.text


@pytest.mark.parametrize("claim", ["typo", "", None, 5, ["default"], {"name": "default"}], ids=str)
def test_a_claim_of_an_unknown_workspace_is_refused_whatever_the_header_says(
    api: Api, claim: Any
) -> None:
    key = token(api.stack, workspace=claim)
    api.refused("export_state", "unknown_workspace", key=key)
    answer = api.http.get("/subsystems", headers=api.headers(key))
    assert (answer.status_code, answer.json()["message"]) == (404, "unknown_workspace")


@pytest.mark.parametrize("header", ["x-workspace", "X-WORKSPACE", "X-Workspace"])
def test_no_header_overrides_the_claim(
    api: Api, new_workspace: Callable[[], Api], header: str
) -> None:
    elsewhere = new_workspace()
    headers = {
        "apikey": pinned_to(elsewhere),
        header: api.workspace,
        "role": "service_role",
        "workspace": api.workspace,
        "request.jwt.claims": "{}",
    }
    answer = api.http.get("/subsystems", headers=headers)
    assert {row["workspace"] for row in answer.json()} == {elsewhere.workspace}


@pytest.mark.parametrize("claim", [None, "", 5, ["skeleton_agent"]], ids=str)
def test_a_token_with_an_invalid_agent_claim_may_not_write(api: Api, claim: Any) -> None:
    mutation = MUTATION_BY_NAME["log_agent_activity"]
    api.refused(
        mutation.name, "agent_mismatch", key=token(api.stack, agent=claim), **mutation.arguments
    )


def test_the_authorization_header_wins_over_the_apikey(api: Api) -> None:
    """As on the platform: `apikey` names the project, Authorization the user."""
    headers = api.headers(api.stack.anon_key, {"authorization": f"Bearer {api.stack.agent_key}"})
    assert api.http.get("/subsystems", headers=headers).status_code == 200
    headers = api.headers(api.stack.service_key, {"authorization": f"Bearer {api.stack.anon_key}"})
    assert api.http.get("/subsystems", headers=headers).status_code == 401


def test_an_operator_reads_and_writes_the_workspace_that_the_header_names(api: Api) -> None:
    mutation = MUTATION_BY_NAME["update_subsystem_status"]
    assert api.operate(mutation.name, **mutation.arguments)["workspace"] == api.workspace
    assert api.operate("export_state")["workspace"] == api.workspace
    assert api.operate("get_active_conflicts") == []


def test_a_role_that_lost_its_right_is_refused_on_pooled_connections_too(api: Api) -> None:
    """An inlined function would be called by another role with the plan of the one before it."""
    for _ in range(25):
        assert api.call("list_workspaces", key=api.stack.service_key)[0] == 200
        assert api.call("list_workspaces", key=api.stack.agent_key)[0] == 403
        assert api.call("get_active_conflicts", key=api.stack.anon_key)[0] == 401
        assert api.call("get_active_conflicts", key=api.stack.agent_key)[0] == 200
