"""Who may do what: every table x verb and every function x every kind of caller, and the tokens.

What exists is read from the catalog of the database, so that a new table or function without an
expectation here fails.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import jwt
import pytest
from tests.sql.support import (
    CALL_BY_NAME,
    MUTATION_BY_NAME,
    TABLES,
    Api,
    Mutation,
    Row,
    make_workspace,
)
from tests.sql.waiting import POWER, Client

from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.keys import make_token

VIEWS = ("budget_usage", "lock_queue", "system_status")
READS = (
    "get_active_conflicts",
    "get_conflict_history",
    "is_blocked",
    "blocked_by",
    "wait_until_unblocked",
    "get_recent_activity",
    "read_activity",
    "get_board",
    "get_lock_status",
    "get_situation",
    "diff_documents",
    "diff_global_constraints",
    "export_state",
    "health",
    "schema_version",
    "list_workspaces",
)
WITHOUT_ID = ("cleanup_expired_locks",)
FUNCTIONS = (*CALL_BY_NAME, *READS, *WITHOUT_ID)
RESOURCE = {"resource_type": "subsystem", "resource_name": "skeleton"}
ANYBODY = {"agent_name": "nobody_agent"}
ARGUMENTS: dict[str, Row] = {
    "read_activity": {"cursor": "0/0"},
    "get_lock_status": RESOURCE,
    "diff_documents": {
        "subsystem": "skeleton",
        "document": "design",
        "from_version": 0,
        "to_version": 0,
    },
    "diff_global_constraints": {"from_version": 0, "to_version": 0},
    "get_situation": {**ANYBODY, "execution_id": "run-1"},
    "is_blocked": ANYBODY,
    "blocked_by": ANYBODY,
    "wait_until_unblocked": ANYBODY,
}

ABOUT_CONFLICTS = (
    "resolve_conflict",
    "add_conflict_note",
    "reassign_conflict",
    "reopen_conflict",
    "get_conflict_history",
)
FOR_EVERYBODY = {"health"}
FOR_OPERATORS = {
    "force_release_lock",
    "init_workspace",
    "list_workspaces",
    "import_state",
    "prune_activity",
}

CALLERS = (
    "no key",
    "anon",
    "agent",
    "other workspace",
    "other agent",
    "operator",
    # With a claim of another workspace. `sharedstate token` makes no such token, but others may.
    "pinned operator",
)
ELSEWHERE = ("other workspace", "pinned operator")
SEE_ALL = ("operator", "pinned operator")


class World:
    """Two filled workspaces, and a key for each kind of caller of the first."""

    def __init__(self, http: httpx.Client, stack: StackInfo) -> None:
        self.home, self.elsewhere = (
            make_workspace(http, stack, f"roles-{uuid.uuid4().hex[:12]}") for _ in range(2)
        )
        self.keys = {
            "no key": "",
            "anon": stack.anon_key,
            "agent": stack.agent_key,
            "other workspace": pinned_to(self.elsewhere),
            "other agent": make_token(
                stack.jwt_secret, "authenticated", agent="intruder", ttl=3600
            ),
            "operator": stack.service_key,
            "pinned operator": pinned_to(self.elsewhere, "service_role"),
        }
        for api in (self.home, self.elsewhere):
            fill(api)


def pinned_to(api: Api, role: str = "authenticated") -> str:
    """A key for one workspace, of an agent if nothing else is said."""
    return make_token(api.stack.jwt_secret, role, workspace=api.workspace, ttl=3600)


def fill(api: Api) -> None:
    """At least one row in every table."""
    for name in ("requirements", "interfaces", "design"):
        mutation = MUTATION_BY_NAME[f"update_subsystem_{name}"]
        api.do(mutation.name, **mutation.arguments)
    api.do("reserve_budget", **MUTATION_BY_NAME["reserve_budget"].arguments)
    api.do("record_dependency", **MUTATION_BY_NAME["record_dependency"].arguments)
    api.do("log_conflict", **MUTATION_BY_NAME["log_conflict"].arguments)
    api.lock("power", "power_agent", "run-1", ttl_seconds=86_400)
    Client(api, "waiter").waits(POWER, wait_seconds=86_400)
    # It does not have to ask to be seen in line.
    api.sql(
        "update core.lock_tickets set alive_until = 'infinity' where workspace = %s", api.workspace
    )


@pytest.fixture(scope="module")
def world(http: httpx.Client, stack: StackInfo) -> World:
    return World(http, stack)


def test_every_function_and_table_of_the_database_has_an_expectation(api: Api) -> None:
    functions = api.sql(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace order by 1"
    )
    assert [name for (name,) in functions] == sorted(FUNCTIONS)
    relations = api.sql(
        "select relname from pg_class where relnamespace = 'public'::regnamespace "
        "and relkind in ('r', 'p', 'v', 'm', 'f') order by 1"
    )
    assert [name for (name,) in relations] == sorted(TABLES + VIEWS)


# Functions


def outcome(function: str, caller: str) -> tuple[int, str | None]:
    """The HTTP status, and the slug or SQLSTATE of a refusal."""
    mutation = MUTATION_BY_NAME.get(function)
    if function in FOR_EVERYBODY or caller == "operator":
        return 200, None
    if caller in ("no key", "anon"):
        return 401, "42501"
    if function in FOR_OPERATORS:
        if caller != "pinned operator":
            return 403, "42501"
        return {"init_workspace": (404, "unknown_workspace")}.get(function, (200, None))
    if caller in ELSEWHERE:
        return {
            "renew_lock": (409, "lease_lost"),
            "checkin_subsystem": (409, "lease_lost"),
            **dict.fromkeys(ABOUT_CONFLICTS, (404, "unknown_conflict")),
        }.get(function, (200, None))
    if caller == "other agent" and mutation is not None:
        if mutation.named is not None:
            return 403, "agent_mismatch"
        return {"renew_lock": (409, "lease_lost")}.get(function, (200, None))
    return 200, None


def reading(function: str) -> Mutation:
    """A call of a function that only reads."""
    if function == "get_conflict_history":
        return replace(MUTATION_BY_NAME["add_conflict_note"], name=function, arguments={})
    return Mutation(function, ARGUMENTS.get(function, {}), {})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_does_for_each_caller_what_it_should(
    world: World, new_workspace: Callable[[], Api], subtests: pytest.Subtests, function: str
) -> None:
    mutation = CALL_BY_NAME.get(function) or reading(function)
    untouched = new_workspace()
    for_untouched = mutation.ready(untouched)
    before = untouched.snapshot()
    for caller in CALLERS:
        expected_status, reason = outcome(function, caller)
        changes = expected_status == 200 and caller not in ELSEWHERE and function not in READS
        api = new_workspace() if changes else untouched
        arguments = mutation.ready(api) if changes else for_untouched
        key = world.keys[caller]
        if caller in ELSEWHERE:
            key = pinned_to(
                new_workspace(), "service_role" if caller == "pinned operator" else "authenticated"
            )
        with subtests.test(caller):
            status, answer = api.call(function, key=key, **arguments)
            assert status == expected_status, answer
            if status != 200:
                assert reason in (answer["message"], answer["code"]), answer
            if not changes:
                assert api.snapshot() == before
            if caller in ELSEWHERE and status == 200:
                assert api.workspace not in str(answer)


def test_an_agent_cannot_release_or_renew_the_lease_of_another(api: Api, world: World) -> None:
    key = world.keys["other agent"]
    lease = api.lock()
    resource = {
        "resource_type": "subsystem",
        "resource_name": "skeleton",
        "execution_id": "run-1",
        "fencing_token": lease["fencing_token"],
    }
    assert api.call("release_lock", key=key, **resource) == (200, [])
    api.refused("renew_lock", "lease_lost", key=key, **resource)
    assert api.rows("agent_locks") == [lease]


@pytest.mark.parametrize("with_token", [True, False])
def test_an_agent_cannot_write_under_the_lease_of_another(
    api: Api, world: World, with_token: bool
) -> None:
    lease = api.lock()
    before = api.snapshot()
    api.refused(
        "update_subsystem_status",
        "lease_lost" if with_token else "resource_locked",
        key=world.keys["other agent"],
        subsystem="skeleton",
        status={"state": "complete"},
        execution_id="run-1",
        fencing_token=lease["fencing_token"] if with_token else None,
    )
    assert api.snapshot() == before


def test_what_an_agent_with_a_claim_writes_is_logged_under_its_own_name(
    api: Api, world: World
) -> None:
    api.do(
        "update_subsystem_status",
        key=world.keys["other agent"],
        subsystem="skeleton",
        status={"state": "complete"},
        execution_id="somebody-else",
    )
    assert [row["agent_name"] for row in api.log("status_updated")] == ["intruder"]


def test_an_agent_with_a_claim_does_all_under_its_own_name(api: Api) -> None:
    key = make_token(api.stack.jwt_secret, "authenticated", agent="skeleton_agent", ttl=60)
    checkout, checkin = (
        MUTATION_BY_NAME["checkout_subsystem"],
        MUTATION_BY_NAME["checkin_subsystem"],
    )
    status, ((got),) = api.call("checkout_subsystem", key=key, **checkout.arguments)
    token = got["lease"]["fencing_token"]
    status, written = api.call(
        "checkin_subsystem", key=key, **checkin.arguments, fencing_token=token
    )
    assert (status, written["released"]) == (200, True)


@pytest.mark.parametrize("function", [*MUTATION_BY_NAME, "cancel_lock_request"])
def test_a_mutation_cannot_be_called_by_get(api: Api, function: str) -> None:
    """A link that somebody follows must change nothing."""
    mutation = CALL_BY_NAME[function]
    arguments = {
        name: value
        for name, value in mutation.ready(api).items()
        if isinstance(value, str | int) and not isinstance(value, bool)
    }
    before = api.snapshot()
    answer = api.http.get(
        f"/rpc/{function}", params=arguments, headers=api.headers(mutation.key(api))
    )
    assert answer.status_code in (404, 405), answer.text
    assert api.snapshot() == before


# Tables

VERBS = ("GET", "POST", "PATCH", "DELETE")
PRIVATE_TABLES = (
    "workspaces",
    "requests",
    "fencing_counters",
    "lock_tickets",
    "lock_ticket_resources",
)


def ask(world: World, table: str, verb: str, caller: str) -> httpx.Response:
    column = "details" if table == "agent_activity_logs" else "workspace"
    both = f"in.({world.home.workspace},{world.elsewhere.workspace})"
    params: dict[str, str] = {}
    if verb in ("PATCH", "DELETE"):
        params = {"workspace": f"eq.{world.home.workspace}"}
    elif caller in SEE_ALL:
        params = {"workspace": both}  # all that other tests have left would take seconds
    body: Row | None = None
    if verb in ("POST", "PATCH"):
        body = {column: {} if column == "details" else world.home.workspace}
    return world.home.http.request(
        verb,
        f"/{table}",
        params=params,
        json=body,
        headers=world.home.headers(world.keys[caller]),
    )


@pytest.mark.parametrize("table", TABLES + VIEWS)
def test_a_table_can_be_read_by_keys_and_written_by_nobody(
    world: World, subtests: pytest.Subtests, table: str
) -> None:
    before = (world.home.snapshot(), world.elsewhere.snapshot())
    for verb in VERBS:
        for caller in CALLERS:
            with subtests.test(f"{verb} by {caller}"):
                check_access(world, table, verb, caller)
    assert (world.home.snapshot(), world.elsewhere.snapshot()) == before


def check_access(world: World, table: str, verb: str, caller: str) -> None:
    answer = ask(world, table, verb, caller)
    if table in VIEWS and verb != "GET":
        # Postgres looks whether a view can be written at all before it looks at rights.
        assert answer.json()["code"] == "55000", answer.text
    elif caller in ("no key", "anon"):
        assert (answer.status_code, answer.json()["code"]) == (401, "42501"), answer.text
    elif verb != "GET":
        assert (answer.status_code, answer.json()["code"]) == (403, "42501"), answer.text
    else:
        assert answer.status_code == 200, answer.text
        found = {row["workspace"] for row in answer.json()}
        if caller in SEE_ALL:
            # service_role passes by row level security: to read tables, its claim pins nothing.
            assert found == {world.home.workspace, world.elsewhere.workspace}
        elif caller == "other workspace":
            assert found == {world.elsewhere.workspace}
        else:
            assert found == {world.home.workspace}


@pytest.mark.parametrize("table", TABLES + VIEWS)
def test_a_filter_for_another_workspace_finds_nothing(world: World, table: str) -> None:
    assert world.home.rows(table, workspace=f"eq.{world.elsewhere.workspace}") == []


@pytest.mark.parametrize("caller", CALLERS)
def test_the_private_schema_is_not_exposed(
    world: World, subtests: pytest.Subtests, caller: str
) -> None:
    for table in PRIVATE_TABLES:
        with subtests.test(table):
            headers = world.home.headers(world.keys[caller], {"accept-profile": "core"})
            answer = world.home.http.get(f"/{table}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (406, "PGRST106")
            headers = world.home.headers(world.keys[caller])
            assert world.home.http.get(f"/{table}", headers=headers).status_code == 404


@pytest.mark.parametrize("caller", CALLERS)
def test_a_private_function_cannot_be_called(world: World, caller: str) -> None:
    headers = world.home.headers(world.keys[caller], {"content-profile": "core"})
    answer = world.home.http.post("/rpc/forget_old_requests", json={}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (406, "PGRST106")
    status, answered = world.home.call("forget_old_requests", key=world.keys[caller])
    assert (status, answered["code"]) == (404, "PGRST202")


# Tokens


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
def test_no_header_overrides_the_claim(api: Api, world: World, header: str) -> None:
    headers = {
        "apikey": world.keys["other workspace"],
        header: api.workspace,
        "role": "service_role",
        "workspace": api.workspace,
        "request.jwt.claims": "{}",
    }
    answer = api.http.get("/subsystems", headers=headers)
    assert {row["workspace"] for row in answer.json()} == {world.elsewhere.workspace}


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


def test_a_role_that_lost_its_right_is_refused_on_pooled_connections_too(
    api: Api, world: World
) -> None:
    """An inlined function would be called by another role with the plan of the one before it."""
    for _ in range(25):
        assert api.call("list_workspaces", key=world.keys["operator"])[0] == 200
        assert api.call("list_workspaces", key=world.keys["agent"])[0] == 403
        assert api.call("get_active_conflicts", key=world.keys["anon"])[0] == 401
        assert api.call("get_active_conflicts", key=world.keys["agent"])[0] == 200
